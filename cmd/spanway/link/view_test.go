package link

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
)

// A link stands as the worst of its replicators says; what is old says nothing.
func TestViewLink(t *testing.T) {
	const now = 1_000_000
	share := func(replicator, state string, change func(*events.ReplicationLinkReported)) *events.ReplicationLinkReported {
		m := &events.ReplicationLinkReported{Link: "orders", Replicator: replicator, State: state, Copies: 2, ConsistentSinceMs: now - 100, AtMs: now - 1000}
		if change != nil {
			change(m)
		}
		return m
	}
	link := replication.Link{Spec: replication.Spec{Name: "orders"}}
	fresh := link
	fresh.DeclaredMs = now - 4000
	paused := link
	paused.Paused, paused.Reason = true, "upgrade"
	over := paused
	over.Source, over.FailedOver = "ams", true
	alone := over
	alone.NoLinkBack = true
	for name, c := range map[string]struct {
		link   replication.Link
		shares []*events.ReplicationLinkReported
		want   string // progress, reason, part of the remedy
	}{
		"no replicator":                  {link, nil, "unattended||has reported of it yet"},
		"one that was declared just now": {fresh, nil, "starting||it was declared just now"},
		"one":                            {link, []*events.ReplicationLinkReported{share("a", "delta", nil)}, "delta||"},
		"of another link": {link, []*events.ReplicationLinkReported{share("a", "delta", func(m *events.ReplicationLinkReported) { m.Link = "other" })},
			"unattended||spanway serve replicator"},
		"one that is silent": {link, []*events.ReplicationLinkReported{share("a", "delta", func(m *events.ReplicationLinkReported) { m.AtMs = now - 6000 })},
			"unattended||has reported of it for 6.0s: run one (spanway serve replicator)"},
		"a source that has not answered": {link, []*events.ReplicationLinkReported{share("a", "connecting", func(m *events.ReplicationLinkReported) { m.Copies = 0 })},
			"connecting||has not answered yet"},
		"the worst of two": {link, []*events.ReplicationLinkReported{
			share("a", "stopped", func(m *events.ReplicationLinkReported) { m.Reason = "overtaken" }), share("b", "delta", nil),
		}, "stopped|overtaken|spanway link resume orders --topic TOPIC --from earliest"},
		"a snapshot": {link, []*events.ReplicationLinkReported{
			share("a", "snapshot", func(m *events.ReplicationLinkReported) { m.Snapshots = 1 }), share("b", "delta", nil),
		}, "snapshot (3 of 4)||"},
		"snapshots that wait": {link, []*events.ReplicationLinkReported{
			share("a", "waiting", func(m *events.ReplicationLinkReported) { m.Snapshots, m.Waiting = 2, 2 }), share("b", "delta", nil),
		}, "waiting (2 of 4)||"},
		"one waits, one goes on": {link, []*events.ReplicationLinkReported{
			share("a", "snapshot", func(m *events.ReplicationLinkReported) { m.Snapshots = 1 }),
			share("b", "waiting", func(m *events.ReplicationLinkReported) { m.Snapshots, m.Waiting = 1, 1 }),
		}, "snapshot (2 of 4)||"},
		"a snapshot that was given up": {link, []*events.ReplicationLinkReported{
			share("a", "failed", func(m *events.ReplicationLinkReported) { m.Snapshots, m.Reason = 1, "snapshot_failed" }), share("b", "snapshot", nil),
		}, "failed|snapshot_failed|or at once: spanway link resume orders --topic TOPIC"},
		"paused without one":             {paused, nil, "paused|upgrade|spanway link resume orders"},
		"failed over":                    {over, nil, "paused|upgrade|the link back copies from here (spanway link show at that site says how it stands); to fail back, call spanway link failover at the site ams"},
		"failed over without its source": {alone, nil, "paused|upgrade|there is no link back yet: call spanway link failover orders here again when it answers"},
		"paused":                         {paused, []*events.ReplicationLinkReported{share("a", "paused", nil)}, "paused|upgrade|spanway link resume orders"},
	} {
		v := viewLink(c.link, &replication.Status{Shares: c.shares}, now)
		want := strings.SplitN(c.want, "|", 3)
		if v.progress() != want[0] || v.Reason != want[1] || !strings.Contains(v.Remedy, want[2]) || want[2] == "" && v.Remedy != "" {
			t.Errorf("%s: %q, %q, %q; want %q", name, v.progress(), v.Reason, v.Remedy, want)
		}
	}
	v := viewLink(link, &replication.Status{Shares: []*events.ReplicationLinkReported{
		share("a", "delta", func(m *events.ReplicationLinkReported) { m.Lag, m.LagMs = 3, 1500 }),
		share("b", "delta", func(m *events.ReplicationLinkReported) { m.Lag, m.LagMs, m.ConsistentSinceMs = 4, 200, 0 }),
	}}, now)
	if v.lag() != "7 (1.5s)" || v.ConsistentSince != "" || *v.HeartbeatMs != 1000 || v.Copies != 4 {
		t.Errorf("two shares: %+v", v)
	}
}

// attended is the share of a replicator without a name that has the copies of the link in.
func attended(now int64) []*events.ReplicationLinkReported {
	return []*events.ReplicationLinkReported{{Link: "in", Copies: 1, AtMs: now}}
}

func TestHowSnapshotsWait(t *testing.T) {
	copies := viewCopies(&replication.Link{Spec: replication.Spec{Name: "in"}}, &replication.Status{Shares: attended(1_700_000_000_000), Copies: []*events.ReplicationCopyReported{
		{Link: "in", State: "waiting", Place: 3, Line: 17},
		{Link: "in", State: "waiting", Failures: 2, AgainAtMs: 1_700_000_000_000},
		{Link: "in", State: "waiting", Place: 1, Line: 2, Failures: 1},
		{Link: "in", Topic: "orders", Partition: 4, State: "failed", Reason: "snapshot_failed", Failures: 10},
		{Link: "in", State: "snapshot"},
	}}, 1_700_000_000_000)
	want := []string{"waiting, 3 of 17", "waiting, again at 2023-11-14T22:13:20.000Z, failures: 2", "waiting, 1 of 2, failures: 1", "failed, failures: 10", "snapshot"}
	for i := range copies {
		if got := copies[i].stands(); got != want[i] {
			t.Errorf("it says %q, want %q", got, want[i])
		}
	}
	if !strings.Contains(copies[3].Remedy, "spanway link resume in --topic orders --partition 4") {
		t.Errorf("the remedy: %q", copies[3].Remedy)
	}
	if got := (&linkView{Copies: 1}).partitions(); got != "1 partition: 0 in their snapshot, 0 stopped" {
		t.Errorf("it says %q", got)
	}
	v := linkView{Copies: 20, Snapshots: 18, Waiting: 17, Stopped: 1}
	if got := v.partitions(); got != "20 partitions: 18 in their snapshot (17 of them wait), 1 stopped" {
		t.Errorf("it says %q", got)
	}
}

// Only names that no replicator reports are doubted.
func TestUnreportedCopies(t *testing.T) {
	status := replication.Status{Copies: []*events.ReplicationCopyReported{
		{Link: "in", Topic: "orders", Partition: 0}, {Link: "in", Topic: "orders", Partition: 1}, {Link: "other", Topic: "payments"},
	}}
	for _, c := range []struct {
		topic      string
		partitions []int32
		want       string
	}{
		{"orders", nil, ""},
		{"orders", []int32{1, 0}, ""},
		{"orders", []int32{0, 9}, "of partition 9 of topic orders"},
		{"payments", nil, "of topic payments"},
		{"payments", []int32{0}, "of topic payments"},
	} {
		if got := unreportedOf("in", &replication.Resume{Topic: c.topic, Partitions: c.partitions}, &status); got != c.want {
			t.Errorf("%+v: it says %q, want %q", c, got, c.want)
		}
	}
}

// What the source has deleted is told of, with what is kept and what comes next, and is no
// error.
func TestTopicsThatTheSourceDeleted(t *testing.T) {
	const now = 1_700_000_000_000
	l := replication.Link{Spec: replication.Spec{Name: "in", Source: "ams"}}
	gone := func(partition int32, since int64) *events.ReplicationCopyReported {
		return &events.ReplicationCopyReported{Link: "in", Topic: "orders", TargetTopic: "orders", Partition: partition, State: "source_deleted", SinceMs: since, Next: 7, SourceEnd: 7, TargetEnd: 9}
	}
	status := &replication.Status{
		Shares: []*events.ReplicationLinkReported{{Link: "in", Replicator: "a", State: "idle", AtMs: now}},
		Copies: []*events.ReplicationCopyReported{gone(0, now), gone(1, now-1000)},
	}
	v := viewLink(l, status, now)
	if v.State != "source_deleted" || v.Reason != "" || v.Copies != 0 || len(v.SourceDeleted) != 1 || !strings.Contains(v.Remedy, "no error") {
		t.Fatalf("%+v", v)
	}
	if d := v.SourceDeleted[0]; d.Topic != "orders" || d.Partitions != 2 || d.Since != "2023-11-14T22:13:19.000Z" || !strings.Contains(d.Remedy, "stops with source_changed") {
		t.Errorf("%+v", d)
	}
	l.On.Recreated = links.GoOn
	copies := viewCopies(&l, status, now)
	if got, want := copies[0].stands(), "source_deleted since 2023-11-14T22:13:20.000Z, kept to 9"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if c := copies[1]; c.TargetEnd != 9 || *c.Lag != 0 || !strings.Contains(c.Remedy, "copied behind what is here (on.recreated: go_on)") {
		t.Errorf("%+v", c)
	}
	if missing := unreported("in", &replication.Status{Shares: status.Shares, Copies: status.Copies}, now); missing != "" {
		t.Errorf("of a link whose topics are all deleted nothing is to be waited for: %s", missing)
	}
	if got := topicsOf(&l, status, ""); len(got) != 0 {
		t.Errorf("%v is to be audited", got)
	}
}

// What is not known is null, not 0.
func TestLagThatIsNotKnown(t *testing.T) {
	l := replication.Link{Spec: replication.Spec{Name: "in"}}
	share := func(copies, unknown int32, lag, ms int64) *events.ReplicationLinkReported {
		return &events.ReplicationLinkReported{Link: "in", State: "delta", AtMs: 1000, Copies: copies, LagUnknown: unknown, Lag: lag, LagMs: ms}
	}
	for name, c := range map[string]struct {
		shares []*events.ReplicationLinkReported
		want   string // JSON, and for people
	}{
		"nobody reports":      {nil, `"lag":null,"lag_ms":null,"lag_unknown":0 - not known`},
		"of no copy":          {[]*events.ReplicationLinkReported{share(2, 2, 0, 0)}, `"lag":null,"lag_ms":null,"lag_unknown":2 ? not known`},
		"of one not":          {[]*events.ReplicationLinkReported{share(2, 0, 3, 500), share(1, 1, 0, 0)}, `"lag":3,"lag_ms":500,"lag_unknown":1 3+ (0.5s) 3 records; the oldest is 0.5s old; of 1 partition it is not known`},
		"not how old":         {[]*events.ReplicationLinkReported{share(2, 0, 3, 0)}, `"lag":3,"lag_ms":null,"lag_unknown":0 3 (?) 3 records; how old the oldest is, is not known`},
		"nothing waits":       {[]*events.ReplicationLinkReported{share(2, 0, 0, 0)}, `"lag":0,"lag_ms":0,"lag_unknown":0 0 0 records`},
		"there are no copies": {[]*events.ReplicationLinkReported{share(0, 0, 0, 0)}, `"lag":0,"lag_ms":0,"lag_unknown":0 0 0 records`},
	} {
		v := viewLink(l, &replication.Status{Shares: c.shares}, 1000)
		text, err := json.Marshal(v)
		_, from, _ := strings.Cut(string(text), `"lag":`)
		from, _, _ = strings.Cut(`"lag":`+from, `,"records`)
		if got := from + " " + v.lag() + " " + v.waiting(); err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
	copies := viewCopies(&l, &replication.Status{Shares: attended(0), Copies: []*events.ReplicationCopyReported{{Link: "in", LagUnknown: true}, {Link: "in", Next: 3, SourceEnd: 5}}}, 0)
	if copies[0].Lag != nil || *copies[1].Lag != 2 {
		t.Errorf("%+v", copies)
	}
}

// Incidents are shown for a day; of the others it is said how many there were, and where.
func TestIncidentsLeave(t *testing.T) {
	const now, hour = 1_700_000_000_000, 3_600_000
	l := replication.Link{Spec: replication.Spec{Name: "in"}}
	at := func(hours int64) *events.ReplicationIncident {
		return &events.ReplicationIncident{Reason: "overtaken", Offset: hours, AtMs: now - hours*hour}
	}
	copies := viewCopies(&l, &replication.Status{Copies: []*events.ReplicationCopyReported{
		{Link: "in", Topic: "orders", Incidents: []*events.ReplicationIncident{at(30), at(25), at(2)}, IncidentsTotal: 12, Replicator: "one"},
		{Link: "in", Topic: "stock", Incidents: []*events.ReplicationIncident{at(1)}}, // Of an older replicator.
	}}, now)
	if c := copies[0]; len(c.Incidents) != 1 || c.Incidents[0].AgeMs != 2*hour || c.IncidentsMore != 11 {
		t.Errorf("%+v", c)
	}
	if c := copies[1]; len(c.Incidents) != 1 || c.IncidentsMore != 0 {
		t.Errorf("%+v", c)
	}
	var out strings.Builder
	if err := printCopies(cli.NewApp(cli.Streams{Out: &out, Err: io.Discard}), copies); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"overtaken 2h0m0s ago", "orders/0: 11 earlier incidents are not shown: the logs of the replicators that had it have them"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
}

// Two replicators of one name are a problem while both report.
func TestReplicatorsOfOneName(t *testing.T) {
	l := replication.Link{Spec: replication.Spec{Name: "in"}}
	status := &replication.Status{
		Shares:     []*events.ReplicationLinkReported{{Link: "in", Replicator: "one", State: "delta", AtMs: 10_000}},
		Duplicates: []replication.Duplicate{{Replicator: "one", AtMs: 9000}, {Replicator: "elsewhere", AtMs: 9000}},
	}
	if v := viewLink(l, status, 10_000); len(v.Problems) != 1 || v.Problems[0].Code != "duplicate_instance" || !strings.Contains(v.Problems[0].Text, "(--instance)") {
		t.Errorf("%+v", v.Problems)
	}
	status.Duplicates[0].AtMs = 4000
	if v := viewLink(l, status, 10_000); len(v.Problems) != 0 {
		t.Errorf("it is over: %+v", v.Problems)
	}
}

// A topic or a partition that is not copied is counted, and the link is in the state of what
// goes on, whichever replicator tells of it; it has failed if nothing goes on.
func TestALinkOfWhichNotAllIsCopied(t *testing.T) {
	type share = events.ReplicationLinkReported
	of := func(m *share) *share { m.Link, m.AtMs = "in", 1000; return m }
	delta := of(&share{Replicator: "a", State: "delta", Copies: 8})
	for name, c := range map[string]struct {
		shares                []*share
		state, reason, people string
	}{
		"all is copied":                     {[]*share{delta}, "delta", "", "delta"},
		"a topic is not":                    {[]*share{of(&share{State: "delta", Copies: 8, FailedTopics: 1, Reason: "two_links"})}, "delta", "two_links", "delta, not all"},
		"a partition of another replicator": {[]*share{delta, of(&share{Replicator: "b", State: "stopped", Copies: 1, Stopped: 1, Reason: "foreign_writer"})}, "delta", "foreign_writer", "delta, not all"},
		"one in its snapshot, one failed":   {[]*share{of(&share{State: "snapshot", Copies: 2, Snapshots: 2, Failed: 1, Reason: "snapshot_failed"})}, "snapshot", "snapshot_failed", "snapshot (0 of 2), not all"},
		"none goes on":                      {[]*share{of(&share{Replicator: "a", State: "stopped", Copies: 1, Stopped: 1, Reason: "foreign_writer"}), of(&share{Replicator: "b", State: "failed", Copies: 2, Failed: 2, Reason: "snapshot_failed"})}, "stopped", "foreign_writer", "stopped"},
		"its source is away":                {[]*share{delta, of(&share{Replicator: "b", State: "failed", Copies: 2, Reason: "source_unreachable"})}, "failed", "source_unreachable", "failed"},
		"it cannot be begun":                {[]*share{of(&share{State: "failed", Reason: "unknown_source"})}, "failed", "unknown_source", "failed"},
	} {
		v := viewLink(replication.Link{Spec: replication.Spec{Name: "in"}}, &replication.Status{Shares: c.shares}, 1000)
		if v.State != c.state || v.Reason != c.reason || v.progress() != c.people {
			t.Errorf("%s: it is %s (%s), for people %q", name, v.State, v.Reason, v.progress())
		}
	}
}
