package client

import (
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// CodePoisoned is of a dead letter that a Watermill router wrote: a message of an
// application's own topic, which a service could not handle.
const CodePoisoned events.Code = "POISONED"

// Poison is what the headers of such a letter say. They are those of Watermill's
// middleware.PoisonQueue and of package watermillkafka, which knows the place, too.
type Poison struct {
	Reason, Topic string
	// Partition and Offset are decimal, and empty where they are not known.
	Partition, Offset string
}

// PoisonOf reads a record of the dead-letter topic; ok is false if it is no such
// letter.
func PoisonOf(letter *events.Record) (p Poison, ok bool) {
	text := func(key string) string {
		v, _ := letter.Header(key)
		return string(v)
	}
	p = Poison{text("reason_poisoned"), text("topic_poisoned"), text("partition_poisoned"), text("offset_poisoned")}
	return p, p.Reason != "" && p.Topic != ""
}

// Source is where the message was read, as far as it is known: TOPIC/PARTITION@OFFSET.
func (p Poison) Source() string {
	var b strings.Builder
	b.WriteString(p.Topic)
	if p.Partition != "" {
		b.WriteString("/" + p.Partition)
	}
	if p.Offset != "" {
		b.WriteString("@" + p.Offset)
	}
	return b.String()
}
