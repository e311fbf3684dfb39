// Package apache runs a real Apache Kafka for tests: one node, broker and
// controller in one process, KRaft, on loopback ports of its own. With Config.Joins
// it is one more broker of the cluster of another one; MoveLeader then has either lead
// a partition.
//
//	func TestApacheSomething(t *testing.T) {
//		broker := apache.Start(t, apache.Config{Version: apache.Latest})
//		client := kafka.New(kafka.Config{Brokers: []string{broker.Addr()}})
//		broker.Kill()
//		broker.Start() // the same data, the same port
//
// With Config.Secure it also listens with TLS, SASL and client certificates, and
// checks rights, which Grant gives.
//
// It owns the child process and its temporary data directory; both are gone
// when the test ends, also when the test binary is killed (on Linux).
//
//	Start -> running -- Pause --> paused
//	            ^  \               |  ^
//	            |   Kill        Continue
//	          Start  v             v
//	            +-- dead        running
//
// The jars come from Maven Central through mvn and the pom.xml of each version
// under jars/: `make kafka-jars` copies them into build/kafka. Where Java or
// the jars are missing the test is skipped and says so; with CI=true it fails.
// Tests of this kind have "Apache" in their name: `make test` leaves them out
// and `make test-kafka` runs them.
package apache
