package replicator

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// set creates a topic with settings of its own.
func (p *place) set(topic string, partitions int32, settings map[string]string) {
	p.t.Helper()
	if err := p.cluster.Kafka().Create(p.t.Context(), events.TopicSpec{Name: topic, Partitions: partitions, Config: settings}); err != nil {
		p.t.Fatal(err)
	}
}

// vault is a cluster that knows one user, and the file whose content is taken for the
// user's password.
func (p *place) vault(password string) (c *cluster.Cluster, file string) {
	p.t.Helper()
	b, err := embedded.Start(embedded.Config{ClusterID: "vault", Users: []embedded.User{{Mechanism: cluster.Plain, Name: "fra", Password: password, Super: true}}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(b.Close)
	file = filepath.Join(p.t.TempDir(), "password")
	p.password(file, "wrong")
	c, err = cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler), SASL: cluster.SASL{Mechanism: cluster.Plain, Username: "fra", PasswordFile: file}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.Close)
	return c, file
}

func (p *place) password(file, password string) {
	p.t.Helper()
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// Each link that cannot be as it is declared has failed, or tells of it, by a name and with
// the remedy; the others go on, and it goes on by itself once that is mended.
func TestProblemsOfLinks(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.others["mirror"] = fra.broker.Connect() // It is the site itself.
	vault, file := fra.vault("right")
	fra.others["vault"] = vault
	open, err := cluster.Open(cluster.Config{Brokers: vault.Brokers(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(open.Close)
	fra.others["open"] = open
	for _, topic := range []string{"good", "timed"} {
		ams.create(topic, 1)
		ams.write(topic, 0, 0, 5)
	}
	fra.set("timed", 1, map[string]string{"message.timestamp.type": "LogAppendTime"})
	s, _ := fra.serve("one")
	fra.links.link(links.Spec{Name: "good", Source: "ams", Include: []string{"good"}})
	problems := map[string]struct {
		spec       links.Spec
		code, says string
	}{
		"itself":   {links.Spec{Source: "mirror", Include: []string{"timed"}}, "same_cluster", "is the cluster of the site itself, fra-cluster; name another"},
		"unknown":  {links.Spec{Source: "oslo", Include: []string{"good"}}, "unknown_source", "add the cluster there"},
		"pattern":  {links.Spec{Source: "ams", Include: []string{"a("}}, "bad_pattern", `"a(": error parsing regexp: missing closing )`},
		"twice":    {links.Spec{Source: "ams", Include: []string{"good"}}, "two_links", "the link good copies the same topic into good"},
		"times":    {links.Spec{Source: "ams", Include: []string{"timed"}}, "log_append_time", "kafka-configs --alter --entity-type topics --entity-name timed"},
		"password": {links.Spec{Source: "vault", Include: []string{"secret"}}, "source_rejected", "as User:fra: the broker refuses the user or the password"},
		"nobody":   {links.Spec{Source: "open", Include: []string{"secret"}}, "source_rejected", "the broker demands SASL by one of PLAIN"},
	}
	for name, p := range problems {
		p.spec.Name = name
		fra.links.link(p.spec)
	}
	for name, p := range problems {
		shares(t, s, name, "it tells of "+p.code, func(m *events.ReplicationLinkReported) bool {
			return m.State == "failed" && m.Reason == p.code && len(m.Problems) == 1 && m.Problems[0].Code == p.code && strings.Contains(m.Problems[0].Text, p.says)
		})
	}
	ams.write("good", 0, 5, 5)
	fra.has("good", 0, values("ams", 10))
	shares(t, s, "good", "it has no problem", func(m *events.ReplicationLinkReported) bool { return m.State == "delta" && len(m.Problems) == 0 })
	if n := fra.count("timed", 0); n != 0 {
		t.Errorf("%d records have other times", n)
	}
	if err := fra.cluster.Kafka().Set(t.Context(), "timed", map[string]string{"message.timestamp.type": "CreateTime"}); err != nil {
		t.Fatal(err)
	}
	fra.has("timed", 0, values("ams", 5))
	fra.password(file, "right")
	shares(t, s, "password", "it goes on", func(m *events.ReplicationLinkReported) bool { return m.State == "idle" && len(m.Problems) == 0 })
}

// A topic of somebody else is not changed by a link that would copy into it.
func TestATopicOfSomebodyElseIsNotChanged(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	for _, topic := range []string{"taken", "free"} {
		ams.set(topic, 2, map[string]string{"retention.ms": "7777777"})
		fra.set(topic, 1, map[string]string{"retention.ms": "3333333"})
	}
	fra.write("taken", 0, 0, 1)
	ams.write("free", 0, 0, 5)
	s, _ := fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"taken", "free"}})
	until(t, s, "in/taken/0", "it has stopped", func(st *standing) bool {
		return st.report.State == mirror.Stopped && st.report.Reason == mirror.TargetNotEmpty
	})
	fra.has("free", 0, values("ams", 5))
	until(t, s, "in/free/1", "the other topic has grown", func(*standing) bool { return true })
	var settings map[string]map[string]string
	eventually(t, "the other topic is set as well", func() bool {
		var err error
		settings, err = fra.cluster.Kafka().Settings(t.Context(), []string{"taken", "free"})
		return err == nil && settings["free"]["retention.ms"] != "3333333"
	})
	if settings["taken"]["retention.ms"] != "3333333" {
		t.Errorf("%v", settings)
	}
	if n, err := fra.cluster.Kafka().Partitions(t.Context(), "taken"); err != nil || n != 1 {
		t.Errorf("it has %d partitions, %v", n, err)
	}
}

// A target with fewer partitions than its source is grown, and all of them are copied.
func TestATargetWithFewerPartitions(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 3)
	fra.create("orders", 1)
	for p := range int32(3) {
		ams.write("orders", p, 0, 5)
	}
	fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	for p := range int32(3) {
		fra.has("orders", p, values("ams", 5))
	}
}

// A target that somebody else writes to while it is copied to is seen once the copy writes
// again: that copy stops and says so, and the others go on.
func TestSomebodyElseWrites(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 2)
	s, _ := fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	for p := range int32(2) {
		ams.write("orders", p, 0, 5)
		fra.has("orders", p, values("ams", 5))
	}
	fra.write("orders", 0, 0, 1)
	ams.write("orders", 0, 5, 5)
	until(t, s, "in/orders/0", "it has stopped", func(st *standing) bool {
		return st.report.State == mirror.Stopped && st.report.Reason == mirror.ForeignWriter
	})
	ams.write("orders", 1, 5, 5)
	fra.has("orders", 1, values("ams", 10))
	shares(t, s, "in", "it tells of it", func(m *events.ReplicationLinkReported) bool {
		return m.State == "delta" && m.Reason == "foreign_writer" && m.Stopped == 1 && m.Copies == 2
	})
}

// A record that the target does not take stops its copy, or becomes a dead letter, as the
// link says; the problem names the setting, the other goes on, and once the target takes it
// the copy goes on when it is resumed.
func TestATargetThatTakesLess(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	large := "ams-" + strings.Repeat("x", 5000)
	s, _ := fra.serve("one")
	specs := map[string]links.Spec{}
	for topic, policy := range map[string]links.Policy{"stops": links.Stop, "buries": links.GoOn} {
		ams.create(topic, 1)
		fra.set(topic, 1, map[string]string{"max.message.bytes": "3000"})
		ams.write(topic, 0, 0, 5)
		sitetest.Append(t, ams.cluster, topic, 0, []string{large})
		ams.write(topic, 0, 5, 5)
		specs[topic] = links.Spec{Name: topic, Source: "ams", Include: []string{topic}, Shared: true, On: links.Policies{Uncopyable: policy}}
		fra.links.link(specs[topic])
	}
	fra.has("buries", 0, values("ams", 10))
	letters := events.Topics{Prefix: events.DefaultPrefix}.DeadLetters()
	eventually(t, "there is one dead letter", func() bool { return fra.count(letters, 0) == 1 })
	until(t, s, "stops/stops/0", "it has stopped", func(st *standing) bool {
		return st.report.State == mirror.Stopped && st.report.Reason == mirror.Uncopyable
	})
	fra.has("stops", 0, values("ams", 5))
	shares(t, s, "stops", "it tells of it", func(m *events.ReplicationLinkReported) bool {
		return m.State == "stopped" && m.Reason == "uncopyable" && len(m.Problems) == 1 && m.Problems[0].Code == "max_message_bytes" &&
			strings.Contains(m.Problems[0].Text, "takes batches of 3000 bytes") && strings.Contains(m.Problems[0].Text, "--entity-name stops --add-config max.message.bytes=")
	})
	if err := fra.cluster.Kafka().Set(t.Context(), "stops", map[string]string{"max.message.bytes": "2000000"}); err != nil {
		t.Fatal(err)
	}
	shares(t, s, "stops", "the target takes it", func(m *events.ReplicationLinkReported) bool { return len(m.Problems) == 0 })
	fra.links.link(specs["stops"], func(l *links.Link) { l.Resumed = []links.Resumption{{Partition: -1, Revision: 9}} })
	want := append(append(values("ams", 5), large), values("ams", 10)[5:]...)
	fra.has("stops", 0, want)
	if n := fra.count(letters, 0); n != 1 {
		t.Errorf("there are %d dead letters", n)
	}
}

// logbook holds what was logged.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Replicators of one name share the copies as such of different names do, and nothing stands
// twice; that they have one name is told of, also if their reports come in turn.
func TestReplicatorsOfOneName(t *testing.T) {
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { ofOneName(t, n) })
	}
}

func ofOneName(t *testing.T, replicators int) {
	t.Helper()
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	const partitions = 16
	ams.create("orders", partitions)
	var told logbook
	fra.log = slog.New(slog.NewTextHandler(&told, nil))
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	one, stop := fra.serve("one")
	run := []*Service{one}
	for len(run) < replicators {
		other, _ := fra.serve("one")
		run = append(run, other)
	}
	shared := func(among []*Service) func() bool {
		return func() bool {
			sum := 0
			for _, s := range among {
				n := running(s)
				if sum += n; n == 0 {
					return false
				}
			}
			return sum == partitions
		}
	}
	eventually(t, "all have copies", shared(run))
	for p := range int32(partitions) {
		ams.write("orders", p, 0, 5)
		fra.has("orders", p, values("ams", 5))
	}
	eventually(t, "that they have one name is told of", func() bool {
		status, err := replication.ReadStatus(t.Context(), fra.cluster, "")
		return err == nil && len(status.Duplicates) == 1 && status.Duplicates[0].Replicator == "one" && strings.Contains(told.String(), "duplicate_instance")
	})
	stop()
	eventually(t, "the others have its copies", shared(run[1:]))
	for p := range int32(partitions) {
		ams.write("orders", p, 5, 5)
		fra.has("orders", p, values("ams", 10))
	}
}
