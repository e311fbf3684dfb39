// Wiredoc writes docs/events.md and docs/asyncapi.yaml: what stands on the topics,
// for people and for machines; and docs/topics.md and deploy/acls/acls.sh: the topics, and
// who needs what rights. It knows the types and topics from pkg/events, the
// descriptions from the JSON Schemas that buf made of the .proto files' comments,
// and the examples from the golden fixtures; what it adds itself is on which
// topics a type stands.
//
// `make generate` runs it at the root of the repository, behind buf. Its test says
// whether what is there is what it would write, and whether it is true: every
// fixture satisfies its schema, every reference leads somewhere.
package main
