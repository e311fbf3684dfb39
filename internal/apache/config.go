package apache

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Config says which Kafka to run.
type Config struct {
	// Version is Latest or Older; empty means Latest.
	Version string
	// Properties are added to the broker's, and win over those of this package.
	Properties map[string]string
	// Secure, if set, adds listeners that demand authentication, and rights.
	Secure *Secure
	// Far, if set, is one more listener, which clients reach by a proxy. It is not for a
	// secure broker.
	Far *Listener
	// Joins, if set, is the broker to whose cluster this one is added. It is no controller, and
	// is of no use while that one is away.
	Joins *Broker
}

// Listener is an address, host:port, where a broker listens, and the one that it tells to
// clients which come there.
type Listener struct{ Listens, Advertised string }

// properties are those of a single node that starts fast, answers at once and
// leaves every decision about topics to the client.
func (c Config) properties(dir string, port, controller int, ports map[string]int) string {
	all := map[string]string{
		"node.id":                        "1",
		"process.roles":                  "broker,controller",
		"listeners":                      fmt.Sprintf("PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", port, controller),
		"advertised.listeners":           fmt.Sprintf("PLAINTEXT://127.0.0.1:%d", port),
		"controller.listener.names":      "CONTROLLER",
		"controller.quorum.voters":       fmt.Sprintf("1@127.0.0.1:%d", controller),
		"inter.broker.listener.name":     "PLAINTEXT",
		"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"log.dirs":                       dir,

		"auto.create.topics.enable":                "false",
		"group.initial.rebalance.delay.ms":         "0",
		"offsets.topic.replication.factor":         "1",
		"offsets.topic.num.partitions":             "4",
		"transaction.state.log.replication.factor": "1",
		"transaction.state.log.min.isr":            "1",
		"transaction.state.log.num.partitions":     "4",

		// A killed broker may come back sooner.
		"broker.session.timeout.ms":    "4000",
		"broker.heartbeat.interval.ms": "500",

		"num.network.threads":                       "2",
		"num.io.threads":                            "4",
		"num.recovery.threads.per.data.dir":         "2",
		"log.cleaner.dedupe.buffer.size":            "16777216",
		"log.cleaner.threads":                       "1",
		"controller.quorum.election.timeout.ms":     "200",
		"controller.quorum.election.backoff.max.ms": "200",
	}
	if c.Far != nil {
		all["listeners"] += ",FAR://" + c.Far.Listens
		all["advertised.listeners"] += ",FAR://" + c.Far.Advertised
		all["listener.security.protocol.map"] += ",FAR:PLAINTEXT"
	}
	if c.Joins != nil {
		all["node.id"], all["process.roles"] = fmt.Sprint(c.Joins.nodes), "broker"
		all["listeners"] = fmt.Sprintf("PLAINTEXT://127.0.0.1:%d", port)
		all["controller.quorum.voters"] = fmt.Sprintf("1@127.0.0.1:%d", c.Joins.controller)
	}
	c.Secure.properties(all, ports)
	maps.Copy(all, c.Properties)
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s=%s\n", key, all[key])
	}
	return b.String()
}
