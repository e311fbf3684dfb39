// Package cluster is a connection to a Kafka cluster: where it is and how it is
// reached, said once and shared by everything in a process that uses it.
//
//	c, err := cluster.Open(cluster.Config{Brokers: []string{"kafka:9092"}})
//	...
//	defer c.Close()
//	log := c.Partition("orders.events", 0) // an eventlog.Log
//	e, err := engine.New(engine.Config{ID: "thumbs-1"}, engine.WithCluster(c))
//
// It owns no topic and keeps no state besides its connections, which are opened
// when they are needed and again after they broke. Package internal/kafka does the
// work and is the only one that speaks Kafka; this is its public API.
//
// A crash of the process loses nothing but requests under way: whether an append
// counts is decided by the log (see package eventlog).
package cluster
