package links_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
	"github.com/spanway/spanway/pkg/replication/links"
)

// log gives a core its calls, one after the other.
type log struct {
	core   *links.Core
	offset int64
}

func (l *log) call(m proto.Message) events.Code {
	code := l.core.Decide(&sharedlog.Call{Offset: l.offset, Message: m})
	l.offset++
	return code
}

// orders copies the topic orders from ams.
func orders(change ...func(*links.Spec)) *events.ReplicationLinkDeclared {
	s := links.Spec{Name: "orders", Source: "ams", Include: []string{"orders"}}
	for _, f := range change {
		f(&s)
	}
	return &events.ReplicationLinkDeclared{Link: s.Message()}
}

func named(name string) func(*links.Spec) { return func(s *links.Spec) { s.Name = name } }

func expecting(m *events.ReplicationLinkDeclared, revision int64) proto.Message {
	m.Expect = revision
	return m
}

func resumed(change func(*events.ReplicationLinkResumed)) proto.Message {
	m := &events.ReplicationLinkResumed{Link: "orders"}
	change(m)
	return m
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	pause := &events.ReplicationLinkPaused{Link: "orders", Reason: "upgrade"}
	over := &events.ReplicationLinkPaused{Link: "orders", FailOver: 1}
	for name, c := range map[string]struct {
		calls []proto.Message
		want  events.Code
	}{
		"a link":                         {[]proto.Message{orders()}, ""},
		"again":                          {[]proto.Message{orders(), orders()}, ""},
		"again, as it was seen":          {[]proto.Message{orders(), expecting(orders(), 1)}, ""},
		"again, as it was before":        {[]proto.Message{orders(), orders(), expecting(orders(), 1)}, events.CodeStaleRevision},
		"again, as it was before paused": {[]proto.Message{orders(), pause, expecting(orders(), 1)}, events.CodeStaleRevision},
		"as it was seen, but deleted":    {[]proto.Message{orders(), &events.ReplicationLinkDeleted{Link: "orders"}, expecting(orders(), 1)}, events.CodeStaleRevision},
		"a new one":                      {[]proto.Message{expecting(orders(), -1)}, ""},
		"a new one that is there":        {[]proto.Message{orders(), expecting(orders(), -1)}, events.CodeLinkExists},
		"a revision that cannot be":      {[]proto.Message{expecting(orders(), -2)}, events.CodeBadData},
		"no link":                        {[]proto.Message{&events.ReplicationLinkDeclared{}}, events.CodeBadData},
		"the same twice":                 {[]proto.Message{orders(), orders(named("other"))}, events.CodeLinkConflict},
		"the same, in another order": {[]proto.Message{
			orders(func(s *links.Spec) { s.Include = []string{"a", "b"} }), orders(named("other"), func(s *links.Spec) { s.Include = []string{"b", "a"} }),
		}, events.CodeLinkConflict},
		"the same, shared": {[]proto.Message{
			orders(func(s *links.Spec) { s.Shared = true }), orders(named("other"), func(s *links.Spec) { s.Shared = true }),
		}, events.CodeLinkConflict},
		"the same under a prefix":      {[]proto.Message{orders(), orders(named("other"), func(s *links.Spec) { s.Prefix = "ams." })}, ""},
		"the same from another source": {[]proto.Message{orders(), orders(named("other"), func(s *links.Spec) { s.Source = "fra" })}, ""},
		"other topics":                 {[]proto.Message{orders(), orders(named("other"), func(s *links.Spec) { s.Include = []string{"payments"} })}, ""},
		"pause":                        {[]proto.Message{orders(), pause}, ""},
		"pause of none":                {[]proto.Message{pause}, events.CodeUnknownLink},
		"delete of none":               {[]proto.Message{&events.ReplicationLinkDeleted{Link: "orders"}}, events.CodeUnknownLink},
		"resume of none":               {[]proto.Message{resumed(func(*events.ReplicationLinkResumed) {})}, events.CodeUnknownLink},
		"resume":                       {[]proto.Message{orders(), resumed(func(*events.ReplicationLinkResumed) {})}, ""},
		"resume what was failed over":  {[]proto.Message{orders(), over, resumed(func(*events.ReplicationLinkResumed) {})}, events.CodeLinkFailedOver},
		"begin that anew": {
			[]proto.Message{orders(), over, resumed(func(m *events.ReplicationLinkResumed) { m.Restart = true })}, events.CodeLinkFailedOver,
		},
		"a pause, and resume that": {[]proto.Message{orders(), over, pause, resumed(func(*events.ReplicationLinkResumed) {})}, events.CodeLinkFailedOver},
		"resume a topic of it":     {[]proto.Message{orders(), over, resumed(func(m *events.ReplicationLinkResumed) { m.Topic = "a" })}, ""},
		"turn it back":             {[]proto.Message{orders(), over, resumed(func(m *events.ReplicationLinkResumed) { m.FailOver = true })}, ""},
		"resume partitions of no topic": {
			[]proto.Message{orders(), resumed(func(m *events.ReplicationLinkResumed) { m.Partitions = []int32{0} })}, events.CodeBadData,
		},
		"resume a partition below 0": {
			[]proto.Message{orders(), resumed(func(m *events.ReplicationLinkResumed) { m.Topic, m.Partitions = "orders", []int32{-1} })}, events.CodeBadData,
		},
		"an offset without restart": {[]proto.Message{orders(), resumed(func(m *events.ReplicationLinkResumed) { m.FromOffset = 1 })}, events.CodeBadData},
		"an offset below 0": {
			[]proto.Message{orders(), resumed(func(m *events.ReplicationLinkResumed) { m.Restart, m.FromOffset = true, -1 })}, events.CodeBadData,
		},
		"a group":            {[]proto.Message{&events.ReplicationGroupDeclared{Group: "g", Topics: []string{"a"}, Sites: []string{"fra"}}}, ""},
		"a group of no name": {[]proto.Message{&events.ReplicationGroupDeclared{Topics: []string{"a"}}}, events.CodeBadData},
		"no group":           {[]proto.Message{&events.ReplicationGroupDeleted{Group: "g"}}, events.CodeUnknownGroup},
		"nothing":            {[]proto.Message{nil}, events.CodeBadData},
		"another log's":      {[]proto.Message{&events.QueueRemoved{Id: "a"}}, events.CodeUnknownType},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &log{core: links.New()}
			for i, m := range c.calls {
				before := l.core.Snapshot(nil)
				code := l.call(m)
				if last := i == len(c.calls)-1; last && code != c.want || !last && code != "" {
					t.Fatalf("call %d: %q; want %q at the end", i, code, c.want)
				}
				if after := l.core.Snapshot(nil); code != "" && string(after) != string(before) {
					t.Errorf("a refused call has changed\n%s to\n%s", before, after)
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	many := make([]string, links.MaxPatterns+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for name, c := range map[string]struct {
		change func(*links.Spec)
		want   string
	}{
		"as it is":            {func(*links.Spec) {}, ""},
		"no name":             {func(s *links.Spec) { s.Name = "" }, "the name of the link is missing"},
		"a name with a slash": {func(s *links.Spec) { s.Name = "a/b" }, `the name of the link is "a/b"`},
		"a long name":         {func(s *links.Spec) { s.Name = strings.Repeat("a", 101) }, "has 101 bytes"},
		"no source":           {func(s *links.Spec) { s.Source = "" }, "the source is missing"},
		"a model":             {func(s *links.Spec) { s.Model = "mirror" }, `the model is "mirror"; give topic, group or routed`},
		"nothing chosen":      {func(s *links.Spec) { s.Include = nil }, "the link chooses nothing"},
		"groups of topics":    {func(s *links.Spec) { s.Groups = []string{"g"} }, "give the model group"},
		"include of groups":   {func(s *links.Spec) { s.Model = links.Grouped }, "name groups"},
		"routing of topics":   {func(s *links.Spec) { s.Routing.Unrouted = true }, "give the model routed"},
		"routing for applications": {func(s *links.Spec) {
			s.Applications, s.Routing.Header = []string{"shop"}, "to"
		}, ""},
		"a bad pattern":      {func(s *links.Spec) { s.Include = []string{"a("} }, `include: the pattern "a(": error parsing regexp: missing closing )`},
		"half a pattern":     {func(s *links.Spec) { s.Exclude = []string{"a)|(b"} }, "BAD_PATTERN: exclude"},
		"a look-ahead":       {func(s *links.Spec) { s.Applications = []string{"(?=a)"} }, "BAD_PATTERN: applications"},
		"an empty pattern":   {func(s *links.Spec) { s.Include = []string{""} }, "item 1 of include is empty"},
		"a pattern twice":    {func(s *links.Spec) { s.Include = []string{"a", "a"} }, `include has "a" twice`},
		"a long pattern":     {func(s *links.Spec) { s.Include = []string{strings.Repeat("a", 501)} }, "item 1 of include has 501 bytes"},
		"many patterns":      {func(s *links.Spec) { s.Include = many }, "include has 101 items"},
		"a large repetition": {func(s *links.Spec) { s.Include = []string{"(a{1000}){1000}"} }, "invalid repeat count"},
		"a prefix":           {func(s *links.Spec) { s.Prefix = "a/" }, "the prefix of the copies"},
		"a policy":           {func(s *links.Spec) { s.On.Overtaken = "ignore" }, `on.overtaken is "ignore"; give stop or go_on`},
		"a rate":             {func(s *links.Spec) { s.BytesPerSecond = -1 }, "bytes_per_second is -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := links.Spec{Name: "orders", Source: "ams", Include: []string{"orders"}}
			c.change(&s)
			if err := s.Check(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("the error is %v; want %q", err, c.want)
			}
		})
	}
}

// What is said of copies that have stopped: newer over older, by topic and partition.
func TestResumptions(t *testing.T) {
	t.Parallel()
	l := &log{core: links.New()}
	calls := []proto.Message{
		orders(), // 0
		&events.ReplicationLinkPaused{Link: "orders"}, // 1
		resumed(func(m *events.ReplicationLinkResumed) {
			m.Topic, m.Partitions, m.AcceptForeignBelow = "orders", []int32{2, 1}, 9
		}),
		resumed(func(m *events.ReplicationLinkResumed) {
			m.Topic, m.Partitions, m.Restart, m.FromOffset = "orders", []int32{1}, true, 5
		}),
	}
	for i, m := range calls {
		if code := l.call(m); code != "" {
			t.Fatalf("call %d: %s", i, code)
		}
	}
	link, _ := l.core.Link("orders")
	want := []links.Resumption{
		{Topic: "orders", Partition: 1, Generation: 1 << 16, From: 5, Tolerate: 9, Revision: 4},
		{Topic: "orders", Partition: 2, Tolerate: 9, Revision: 3},
	}
	if !link.Paused || !slices.Equal(link.Resumed, want) {
		t.Fatalf("paused: %t, %+v; want a pause and %+v", link.Paused, link.Resumed, want)
	}
	l.call(resumed(func(m *events.ReplicationLinkResumed) { m.Restart = true }))
	link, _ = l.core.Link("orders")
	if link.Paused || link.Resumed[0] != (links.Resumption{Partition: -1, Generation: 2 << 16, Revision: 5}) || link.Revision != 5 || link.Since != 1 {
		t.Fatalf("after all are resumed: %+v", link)
	}
	l.call(orders(func(s *links.Spec) { s.Source = "fra" }))
	if link, _ = l.core.Link("orders"); link.Resumed != nil || link.Since != 1 {
		t.Fatalf("of another source: %+v", link)
	}
}

// A link is the same as a message and back.
func TestMessage(t *testing.T) {
	t.Parallel()
	full := eventstest.Full(events.TypeReplicationLinkDeclared).(*events.ReplicationLinkDeclared).Link
	if s := links.SpecOf(full); !reflect.DeepEqual(links.SpecOf(s.Message()), s) || !proto.Equal(s.Message(), full) {
		t.Errorf("%v became %v", full, s.Message())
	}
}

// TestProperties: a host that restores a snapshot anywhere goes on as one that folded all,
// and a snapshot that is restored is the same.
func TestProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		whole, tail := &log{core: links.New()}, &log{core: links.New()}
		at := rapid.IntRange(0, 30).Draw(r, "snapshot")
		for i := range rapid.IntRange(0, 60).Draw(r, "calls") {
			if i == at {
				state := whole.core.Snapshot(nil)
				tail.core = links.New()
				if err := tail.core.Restore(state); err != nil {
					r.Fatalf("restore %s: %v", state, err)
				}
				if again := tail.core.Snapshot(nil); string(again) != string(state) {
					r.Fatalf("restored, the state is\n%s; it was\n%s", again, state)
				}
			}
			m := random(r)
			if a, b := whole.call(m), tail.call(m); a != b {
				r.Fatalf("%v: %q, and with a snapshot %q", m, a, b)
			}
		}
		if a, b := whole.core.Snapshot(nil), tail.core.Snapshot(nil); string(a) != string(b) {
			r.Fatalf("snapshot plus tail is\n%s\nthe whole log\n%s", b, a)
		}
		if whole.core.Due() != math.MaxInt64 || whole.core.Floor() != math.MaxInt64 {
			r.Fatal("something is due, or the log is referred to")
		}
	})
}

// random draws a call.
func random(r *rapid.T) proto.Message {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(r, name) }
	number := func(name string, least, most int) int64 { return int64(rapid.IntRange(least, most).Draw(r, name)) }
	link := pick("link", "a", "b", "c", "")
	switch number("what", 0, 7) {
	case 0, 1, 2:
		return &events.ReplicationLinkDeclared{Expect: number("expect", -2, 8) * number("expects", 0, 1), Link: &events.ReplicationLink{
			Name: link, Source: pick("source", "ams", "fra"), Include: []string{pick("include", "x", "y", "<&>\u2028", "")},
			Prefix: pick("prefix", "", "ams."), Shared: number("shared", 0, 1) == 1,
		}}
	case 3:
		return &events.ReplicationLinkPaused{Link: link, Reason: pick("reason", "", "why", "\x01"), FailOver: number("fail-over", -1, 2)}
	case 4, 5:
		m := &events.ReplicationLinkResumed{Link: link, Topic: pick("topic", "", "x", "y"), Restart: number("restart", 0, 1) == 1, FailOver: number("back", 0, 1) == 1, AcceptForeignBelow: number("below", -1, 5)}
		for range number("partitions", 0, 2) {
			m.Partitions = append(m.Partitions, int32(number("partition", 0, 3)))
		}
		if m.Restart {
			m.FromOffset = number("from", -1, 5)
		}
		return m
	case 6:
		return &events.ReplicationLinkDeleted{Link: link}
	}
	if number("delete", 0, 1) == 1 {
		return &events.ReplicationGroupDeleted{Group: link}
	}
	return &events.ReplicationGroupDeclared{Group: link, Topics: []string{pick("topic of the group", "x", "y")}, Sites: []string{pick("site", "ams", "fra")}}
}

// Nothing that may stand in the log stops the fold.
func TestAbsurdEvents(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		if !strings.HasPrefix(string(typ), "spanway.replication.") {
			continue
		}
		for name, m := range eventstest.Absurd(typ, eventstest.Known{"link": "orders", "group": "g", "name": "orders"}) {
			l := &log{core: links.New()}
			l.call(orders())
			l.call(m)
			state := l.core.Snapshot(nil)
			if err := links.New().Restore(state); err != nil {
				t.Errorf("%s, %s: the state cannot be restored: %v", typ, name, err)
			}
		}
	}
}

// A state that an earlier version wrote is taken, and what it does not say is not known.
func TestRestoreFirstVersion(t *testing.T) {
	t.Parallel()
	l := &log{core: links.New()}
	l.call(orders())
	state := l.core.Snapshot(nil)
	state[0] = 1
	core := links.New()
	if err := core.Restore(state); err != nil {
		t.Fatal(err)
	}
	if got := core.Links(); len(got) != 1 || got[0].NoLinkBack || got[0].DeclaredMs != 0 {
		t.Errorf("%+v", got)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	l := &log{core: links.New()}
	l.call(orders())
	good := string(l.core.Snapshot(nil))
	for name, state := range map[string]string{
		"nothing":               "",
		"another version":       "\x03" + good[1:],
		"no version":            "\x00" + good[1:],
		"no JSON":               good[:len(good)-1],
		"more behind it":        good + " ",
		"a link without a name": strings.Replace(good, `"orders"`, `""`, 1),
		"a link that is never":  strings.Replace(good, `"since":1`, `"since":0`, 1),
		"an unknown field":      strings.Replace(good, `"links"`, `"x":1,"links"`, 1),
		"a number below 0":      strings.Replace(good, `"restarts":0`, `"restarts":-1`, 1),
	} {
		if state == good {
			t.Errorf("%s: the state is the good one", name)
		}
		if err := links.New().Restore([]byte(state)); err == nil {
			t.Errorf("%s is restored", name)
		}
	}
}
