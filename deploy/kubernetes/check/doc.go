// Package check holds deploy/kubernetes against what Kubernetes can read, against
// docker-compose.yml, and against what the documents promise. It is a module of its own,
// so that nobody who imports Spanway has the types of Kubernetes among what they need.
package check
