package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

const topicsIntro = `<!-- Written by make generate (internal/wiredoc) from the catalogue in pkg/events/catalogue.go. -->

# Topics and access rights

Services create and verify their topics at start; nothing relies on auto-creation. The names have a prefix, here the default one (` + "`--prefix`, `SPANWAY_PREFIX`" + `). A partition count that differs is an error.

| Topic | Kind | Partitions | Kept |
|---|---|---|---|
`

const kinds = `
Kinds: of an **input** every record counts. An **owned** log has one writer at a time and judges itself ([wire.md](wire.md)). A **published** topic has copies of events of owned logs, with ` + "`spanway-from`" + `. A **shared** log has many writers; the order of its records decides what counts. **Snapshots** are those of the log with that name. A **table** is compacted by its broker, which leaves the newest segment alone: small segments keep short what its readers read. Other sizes are the operator's choice; a table that an earlier version made has Kafka's (1 GiB, a week) until somebody sets both: ` + "`kafka-configs --alter --entity-type topics --entity-name spanway.replication.status --add-config segment.bytes=16777216,segment.ms=3600000`" + `.

## Access rights

What each kind of program needs, as Kafka's ACLs name it. On every topic listed, Describe comes with Read and with Write. Who writes also needs IdempotentWrite on the cluster (brokers before 3.0 only; later ones take Write for it).

`

// documented are the logs of the catalogue, those of a queue, and those of replication.
func documented() []events.Log {
	return append(append(topics.Catalogue(), topics.QueueLogs("<name>")...), topics.ReplicationLogs()...)
}

// topicsPage writes the table of topics and what each role needs on them.
func topicsPage() []byte {
	var b bytes.Buffer
	b.WriteString(topicsIntro)
	for _, l := range documented() {
		by := ""
		if l.Key != "" {
			by = ", by " + l.Key
		}
		fmt.Fprintf(&b, "| `%s` | %s | %d%s | %s |\n", l.Topic, l.Kind, l.Partitions, by, kept(l))
	}
	b.WriteString(kinds)
	b.WriteString("| Topic |")
	for _, role := range events.Roles() {
		fmt.Fprintf(&b, " %s |", role)
	}
	fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("---|", len(events.Roles())))
	for _, l := range documented() {
		fmt.Fprintf(&b, "| `%s` |", l.Topic)
		for _, role := range events.Roles() {
			fmt.Fprintf(&b, " %s |", strings.Join(rights(l, role), ", "))
		}
		b.WriteByte('\n')
	}
	b.WriteString("\n(Read) is for looking at the topic only, by `log tail` and `log dead`. Delete is for DeleteRecords. ")
	b.WriteString("A scheduler also needs Read on its group, `<prefix>scheduler`, and Create on the topics that are to be created. To replay dead letters (`log dead --replay`), a client needs Write on the topic from which they came. Give no other program Write on an owned log: whoever may write to it may claim a partition and decide in the owner's place. The ACL is the boundary ([operations.md](operations.md#what-to-watch) says how such a claim is seen).\n")
	return b.Bytes()
}

// rights are the operations that a role needs on a log.
func rights(l events.Log, role events.Role) []string {
	out := l.Rights(role)
	if slices.Contains(l.Viewers, role) {
		out = append(out, "(Read)")
	}
	if len(out) == 0 {
		out = []string{"none"}
	}
	return out
}

func kept(l events.Log) string {
	switch l.Kept {
	case events.UntilFolded:
		return "until two snapshots of the owner have decided it"
	case events.UntilCommitted:
		return "until the group that reads it has committed it"
	case events.WithHistory:
		return "for the configured history, and until two snapshots hold it"
	case events.NewestTwo:
		return "the two newest"
	case events.NewestByKey:
		return fmt.Sprintf("the newest record of each key; `segment.bytes` %d MiB, `segment.ms` %d min", events.TableSegmentBytes>>20, int(events.TableSegmentLasts.Minutes()))
	}
	if days := int(l.For / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return "a day"
}
