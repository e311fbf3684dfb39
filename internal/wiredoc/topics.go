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

What each kind of program needs, as Kafka's ACLs name it, and nothing else: a test takes each of these rights away and looks whether the program says so. Describe comes with Read and with Write. Who writes also needs IdempotentWrite on the cluster with brokers before 3.0.

`

// documented are the logs of the catalogue, those of a queue, of replication, and of networks.
func documented() []events.Log {
	return slices.Concat(topics.Catalogue(), topics.QueueLogs("<name>"), topics.ReplicationLogs(), topics.NetworkLogs())
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
	b.WriteString("| Role | Operations | On |\n|---|---|---|\n")
	one := events.Chosen{Queues: []events.Pattern{{Name: "<name>"}}, Copies: []events.Pattern{{Name: "<copied>"}}}
	for _, role := range events.Roles() {
		for _, g := range together(topics.ACLs(role, one)) {
			fmt.Fprintf(&b, "| %s | %s | %s%s |\n", role, strings.Join(g.operations, ", "), g.resource, resources(g))
		}
	}
	b.WriteString(strings.ReplaceAll(after, "~", "`"))
	return b.Bytes()
}

// after stands below the table of rights; a ~ in it is a backquote.
const after = `
Delete on a topic is for DeleteRecords, and for ~spanway queue delete~. Create is for topics that are not there yet: take it away once they are. ~reader~ is for ~verify~ and for all that shows something (~task why~, ~log tail~, ~log dead~). ~doctor~ is for ~spanway doctor~; it reads no queue and no snapshot, and its rights by the prefix shut out all who have none on those topics and groups (below). What a person at the command line does besides is a role more: ~client~, ~requester~, ~queue-user~, ~declarer~, ~operator~. To replay dead letters (~log dead --replay~) it is Write on the topic from which they came. Give no other program Write on an owned log: whoever may write to it may claim a partition and decide in the owner's place ([operations.md](operations.md#what-to-watch) says how such a claim is seen).

[~deploy/acls/acls.sh~](../deploy/acls/acls.sh) makes these rights on any cluster, with ~kafka-acls~; ~--print~ shows what it would do:

~~~sh
deploy/acls/acls.sh --bootstrap-server kafka:9093 --command-config admin.properties --queue 'orders*' --copy 'ams.*' \
  scheduler=User:spanway-scheduler engine=User:spanway-engine client=User:shop queue-host=User:shop \
  replicator=User:spanway-replicator
~~~

A ~--copy~ is the prefix of a link, behind which the copies of its site stand: with ~'*'~ a replicator could write to, change and empty every topic of its cluster.

**With ~allow.everyone.if.no.acl.found=true~** at the brokers (Kafka's default is false) a resource that no ACL names is open to everybody, and the first ACL on it, also one by a prefix, shuts out all who have none:

- The rights of one program take those of all others on the same topics and groups, if these ran without ACLs. Give every program its own in one call, at a time when that may take a minute.
- ~replicator~ and ~doctor~ have DescribeConfigs on the cluster, which is then closed to brokers that are no super users (~super.users~): they stop copying from each other. Make them super users first.
- A ~--copy '*'~ is an ACL on the topic ~*~: everybody without one is shut out of every topic.
- What no ACL names stays open: a principal is **not** refused there, whatever its role.

~spanway principal apply~ gives the same rights in one call, with the same consequences, and makes the users. ~spanway doctor --role scheduler~ says whether a principal has the rights of a role, and which others.
`

// resources are the names of the resources.
func resources(g grant) string {
	var b strings.Builder
	for i, name := range g.names {
		switch {
		case name == "":
			continue
		case i > 0:
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " `%s`", name)
	}
	if g.prefixed {
		b.WriteString(" (prefixed)")
	}
	return b.String()
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
