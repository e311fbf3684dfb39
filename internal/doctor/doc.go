// Package doctor examines what Spanway stands on: brokers, topics, rights, consumer groups,
// clocks, Redis, and the disk of an embedded broker.
//
// Gather reads facts and changes nothing: it appends no record, creates no topic, joins no
// group. Examine is the pure core: it makes findings of the facts, the same ones of the same
// facts. What could not be read is a finding, too (Unknown), so that nothing passes for
// good that was not seen.
//
//	brokers, Redis, disk ──Gather──▶ Facts ──Examine──▶ []Finding ──▶ spanway doctor
package doctor
