// Package redistest runs real redis-servers for tests: one, two with a Sentinel, or a
// cluster; and a proxy that loses answers.
// Tests that use it have RealRedis in their names: `make test-redis` runs them, `make test`
// leaves them out. Those that also need Apache Kafka have Apache in their names instead, and
// are run by `make test-kafka`.
package redistest
