package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spanway/spanway/internal/kafka"
)

// topics judges what the topics of the prefix are. How many have the same fault matters more
// than which line comes first, so findings name a topic as their subject and say the rest in
// the same words.
func topics(f *findings, facts Facts) {
	if facts.TopicsErr != nil {
		f.unknown("topics", facts.Prefix+"*", facts.TopicsErr)
		return
	}
	there, hidden := 0, 0
	for _, t := range facts.Topics {
		switch {
		case t.Hidden:
			hidden++
			f.add(Unknown, "topics.there", t.Name, "give it Describe on the topic (deploy/acls/acls.sh gives each role what it needs)", "whether it is there is not known: %s may not describe it", facts.Principal)
			continue
		case t.Missing:
			f.add(Note, "topics.there", t.Name, "", "it is not there: the service that writes to it creates it")
			continue
		}
		there++
		topic(f, t)
	}
	if there+hidden == 0 {
		f.add(Warning, "topics.there", facts.Prefix+"*", "look at --prefix; or start a service, which creates them", "there is no topic with the prefix %q", facts.Prefix)
	}
}

func topic(f *findings, t kafka.TopicState) {
	before := len(*f)
	var wrong *kafka.Misconfigured
	if errors.As(t.Wrong, &wrong) {
		f.add(Problem, "topics.settings", t.Name, wrong.Remedy, "it %s", wrong.Problem)
	}
	if t.Leaderless > 0 {
		f.add(Problem, "topics.leader", t.Name, "start the brokers that have it; one that does not stay up may have a full disk: make room in its log.dirs, never by deleting files of partitions", "%d of its partitions have no leader: nothing can be read or written there", t.Leaderless)
	}
	if t.Fewer > 0 {
		f.add(Warning, "topics.replicas", t.Name, "look for the broker that is away or behind", "%d of its partitions have fewer replicas in sync than replicas", t.Fewer)
	}
	if t.Replicas < kafka.WantReplicas {
		f.add(Warning, "topics.replicas", t.Name, "give it three replicas (kafka-reassign-partitions)", "it has %d %s: what a broker loses is lost", t.Replicas, plural(t.Replicas, "replica"))
	}
	if t.Denied != nil {
		f.unknown("topics.settings", t.Name, t.Denied)
		return
	}
	if n, ok := number(t.Settings, "min.insync.replicas"); ok && n < kafka.WantMinInSync {
		f.add(Warning, "topics.replicas", t.Name, "set it to 2 (kafka-configs --alter)", "min.insync.replicas is %d: a record is acknowledged that only one broker has", n)
	}
	if isTrue(t.Settings, "unclean.leader.election.enable") {
		f.add(Warning, "topics.settings", t.Name, "set it to false (kafka-configs --alter)", "unclean.leader.election.enable is true: acknowledged records may be lost")
	}
	if len(*f) == before {
		f.add(OK, "topics.settings", t.Name, "", "it is as it must be")
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func groups(f *findings, facts Facts) {
	const members, lag = "groups.members", "groups.lag"
	for _, g := range facts.Groups {
		subject := "group " + g.Name
		word, _, _ := strings.Cut(g.Service, " ") // Without its options.
		if word == keeper {
			word = "host"
		}
		switch {
		case g.Err != nil:
			f.unknown(members, subject, g.Err)
		case g.Members == 0 && g.Service == keeper:
			f.add(Warning, members, subject, "start one (spanway serve queues)", "no host of %s that lives long is in it: no lease ends, and the log grows", g.Topic)
		case g.Members == 0:
			f.add(Warning, members, subject, fmt.Sprintf("start one (spanway serve %s)", g.Service), "no %s is in it, and %s exists", word, g.Topic)
		default:
			f.add(OK, members, subject, "", "%d %s in it", g.Members, plural(g.Members, word))
		}
		switch {
		case g.LagErr != nil:
			f.unknown(lag, subject, g.LagErr)
		case g.Lag > 0 && g.Err == nil && g.Members == 0:
			f.add(Problem, lag, subject, fmt.Sprintf("start one (spanway serve %s)", g.Service), "%d %s, and nothing reads them", g.Lag, g.Lags)
		case g.Lag > manyBehind:
			f.add(Warning, lag, subject, fmt.Sprintf("look at the metrics of each %s, and start more", word), "%d %s", g.Lag, g.Lags)
		case g.Lag >= 0:
			f.add(OK, lag, subject, "", "%d %s", g.Lag, g.Lags)
		}
	}
}

// keeper is the service that keeps queues, as programs that open them do.
const keeper = "queues"

// manyBehind is how many records a group may lag behind while it works.
const manyBehind = 10_000
