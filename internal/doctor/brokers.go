package doctor

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spanway/spanway/internal/kafka"
)

// Versions of Kafka: from the first on topics have IDs, by which one that was created again
// is known; from the second on everything here is tried.
var (
	leastVersion  = version{2, 8}
	testedVersion = version{3, 9}
)

type version struct{ major, minor int }

func (v version) before(w version) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

// parseVersion reads v4.3, or "at least v4.3".
func parseVersion(text string) (v version, ok bool) {
	_, text, ok = strings.Cut(text, "v")
	major, rest, _ := strings.Cut(text, ".")
	minor, _, _ := strings.Cut(rest, ".")
	var err1, err2 error
	v.major, err1 = strconv.Atoi(major)
	v.minor, err2 = strconv.Atoi(minor)
	return v, ok && err1 == nil && err2 == nil
}

func brokers(f *findings, all []Broker) {
	const check = "kafka.brokers"
	if len(all) < kafka.WantReplicas {
		f.add(Warning, check, "cluster", "use three brokers, and topics with three replicas", "it has %d of the %d brokers that it takes to lose one without records", len(all), kafka.WantReplicas)
	} else {
		f.add(OK, check, "cluster", "", "it has %d brokers", len(all))
	}
	seen := map[string]bool{}
	for _, b := range all {
		subject := fmt.Sprintf("broker %d", b.ID)
		brokerVersion(f, subject, b)
		if b.Err != nil {
			f.add(Unknown, "kafka.settings", subject, "", "they were not read: it does not answer")
			continue
		}
		seen[b.Version] = true
		if b.SettingsErr != nil {
			f.unknown("kafka.settings", subject, b.SettingsErr)
			continue
		}
		brokerSettings(f, subject, b.Settings)
	}
	if len(seen) > 1 {
		f.add(Note, "kafka.version", "cluster", "", "its brokers are of different versions")
	}
}

func brokerVersion(f *findings, subject string, b Broker) {
	const check = "kafka.version"
	v, ok := parseVersion(b.Version)
	switch {
	case b.Err != nil:
		f.add(Problem, "kafka.reach", subject, remedyOf(b.Err, "look whether it runs, and at the address that it advertises"), "it does not answer at %s: %v", b.Address, b.Err)
	case !ok:
		f.add(Unknown, check, subject, "nothing, if it is an embedded broker (spanway dev), which does only a part of what any Kafka does; else look whether its Kafka is "+testedVersion.String()+" or newer", "its version is not known: it may be %q", b.Version)
	case v.before(leastVersion):
		f.add(Problem, check, subject, "upgrade it to "+testedVersion.String()+" or newer", "it is Kafka %s, whose topics have no IDs", v)
	case v.before(testedVersion):
		f.add(Warning, check, subject, "upgrade it to "+testedVersion.String()+" or newer", "it is Kafka %s, with which Spanway is not tested", v)
	default:
		f.add(OK, check, subject, "", "it is Kafka %s, by what it can do", v)
	}
}

// session is that of Spanway's consumer groups, in milliseconds.
const session = 6000

func brokerSettings(f *findings, subject string, s map[string]string) {
	const check = "kafka.settings"
	before := len(*f)
	if isTrue(s, "unclean.leader.election.enable") {
		f.add(Warning, check, subject, "set it to false", "unclean.leader.election.enable is true: a broker that lacks acknowledged records may become leader, and they are lost")
	}
	if isTrue(s, "auto.create.topics.enable") {
		f.add(Warning, check, subject, "set it to false: services create what they need", "auto.create.topics.enable is true: a mistyped prefix makes topics that nobody reads")
	}
	if n, ok := number(s, "group.min.session.timeout.ms"); ok && n > session {
		f.add(Problem, check, subject, fmt.Sprintf("set it to %d or less", session), "group.min.session.timeout.ms is %d: services cannot join their groups", n)
	}
	if n, ok := number(s, "group.max.session.timeout.ms"); ok && n < session {
		f.add(Problem, check, subject, fmt.Sprintf("set it to %d or more", session), "group.max.session.timeout.ms is %d: services cannot join their groups", n)
	}
	for _, name := range []string{"transactional.id.expiration.ms", "producer.id.expiration.ms"} {
		if n, ok := number(s, name); ok && n < (10*time.Minute).Milliseconds() {
			f.add(Warning, check, subject, "set it to an hour or more", "%s is %d ms: a replicator that stands still for half of that stops its copies until they are claimed again", name, n)
		}
	}
	if n, ok := number(s, "offsets.retention.minutes"); ok && n < 24*60 {
		f.add(Warning, check, subject, "set it to a day or more (Kafka's own value is 7 days)", "offsets.retention.minutes is %d: a group that is away for longer begins anew", n)
	}
	for _, name := range []string{"offsets.topic.replication.factor", "transaction.state.log.replication.factor"} {
		if n, ok := number(s, name); ok && n < kafka.WantReplicas {
			f.add(Warning, check, subject, "set it to 3, and give the internal topic that is there more replicas (kafka-reassign-partitions)", "%s is %d: with one broker consumer groups or fences may stand still", name, n)
		}
	}
	if len(*f) == before {
		f.add(OK, check, subject, "", "its settings keep what it acknowledges")
	}
}
