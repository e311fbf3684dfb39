package instruments

import (
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"
)

// convention is what the generated packages of OpenTelemetry's conventions say of an
// instrument.
type convention interface {
	Name() string
	Unit() string
	Description() string
}

func conventional(kind Kind, services of, c convention, attributes ...string) *Instrument {
	return declare(kind, services, c.Name(), c.Unit(), c.Description(), attributes)
}

// messagingBounds are advised by the conventions of messaging.
var messagingBounds = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}

// Those of the conventions, version 1.43.0, which are made by package messaging and by the
// allocator's store.
var (
	ClientDuration = histogram(conventional(KindHistogram, every, messagingconv.ClientOperationDuration{},
		"messaging.system", "messaging.operation.type", "messaging.operation.name", topic, partition, "error.type"), messagingBounds...)
	ClientSent = Counter{conventional(KindCounter, every, messagingconv.ClientSentMessages{},
		"messaging.system", "messaging.operation.type", "messaging.operation.name", topic, partition, "error.type")}
	ClientConsumed = Counter{conventional(KindCounter, every, messagingconv.ClientConsumedMessages{},
		"messaging.system", "messaging.operation.type", "messaging.operation.name", topic, partition, "error.type")}
	ProcessDuration = histogram(conventional(KindHistogram, of{"scheduler", "engine"}, messagingconv.ProcessDuration{},
		"messaging.system", "messaging.operation.name", topic, "error.type"), messagingBounds...)
	StoreCalls = histogram(conventional(KindHistogram, allocator, dbconv.ClientOperationDuration{},
		"db.system.name", "db.namespace", "db.operation.name", "db.response.status_code", "error.type", "server.address", "server.port"), .001, .005, .01, .05, .1, .5, 1, 5, 10)
	// ConsumerLag: the conventions have none; the name is made as theirs are.
	ConsumerLag = gauge(of{"allocator"}, "messaging.kafka.consumer.lag", "{message}",
		"Records in the partition that are not acknowledged.", "messaging.system", topic, partition, "messaging.consumer.group.name")
)
