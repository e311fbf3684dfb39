// Package compose tries docker-compose.yml at the root for real: on a Docker
// engine of its own, with the Dockerfile, health checks, limits, networks and ports
// as they stand. The process of each container is killed on the way.
//
// No registry is asked. standins/ has images under the public names and tags of
// what docker-compose.yml and Dockerfile take from one: Kafka from its jars on
// Debian, set up by the class that the public image uses (so the same KAFKA_*
// variables are tried), Jaeger's program without its web pages, Debian's Redis and
// Prometheus, and a golang that hands out the binary of `make build` instead of
// compiling. Nothing stands in for Grafana and for the Kafka UI: these are left out.
//
// docker-compose.secure.yml is tried on the same engine, with secrets that
// deploy/secure/secrets.sh makes.
//
// `make e2e-compose` makes these and runs the test, in namespaces of its own
// (network, mounts, processes): it reaches nothing outside, nothing on the host
// takes its ports, and whatever it leaves ends with it. It needs root and the
// tag compose.
package compose
