// Package redistest runs a real redis-server for tests, and a proxy that loses answers.
// Tests that use it have RealRedis in their names: `make test-redis` runs them, `make test`
// leaves them out.
package redistest
