package queue_test

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/verify/queue"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// A sound log, and what is said of it.
func sound(t testing.TB) (l *log, removed sharedlog.CallID) {
	l = newLog(t, nil)
	for _, id := range []string{"a", "b", "c"} {
		l.call(&events.QueueEnqueued{Id: id})
	}
	claim, _ := l.call(&events.QueueClaimed{LeaseMs: 1000})
	_, removed = l.call(&events.QueueRemoved{Id: "b"})
	l.call(&events.QueueRemoved{Id: "b"})
	l.call(&events.QueueEnqueued{Id: "b"})
	l.call(&events.QueueDone{Id: "a", Token: claim})
	l.add(removed, 5, &events.QueueRemoved{Id: "b"}) // A copy.
	l.append(events.Record{Value: []byte("a stranger's")})
	return l, removed
}

func TestASoundLog(t *testing.T) {
	l, removed := sound(t)
	p := l.judge()
	p.Told(removed, "")
	p.Ordering([]queue.Place{{ID: "c", Seq: 3}})
	r := p.Report()
	if !r.OK() || r.Calls != 9 || r.Accepted != 7 || r.Enqueued != 3 || r.Removed != 2 || r.Claimed != 1 || r.Entries != 1 || r.Strange != 0 {
		t.Fatalf("%+v", r)
	}
	if r.Skipped["copy"] != 1 || r.Skipped["no_call"] != 1 || r.Refused[events.CodeAlreadyRemoved] != 2 {
		t.Fatalf("%+v", r)
	}
}

// What is broken in a log, or in what hosts told of it, is found.
func TestBrokenLogs(t *testing.T) {
	for _, c := range []struct {
		name  string
		broke func(l *log, removed sharedlog.CallID) *queue.Partition
		rule  string
		text  string
	}{
		{"a call ID that asks something else", func(l *log, removed sharedlog.CallID) *queue.Partition {
			l.add(removed, 5, &events.QueueRemoved{Id: "c"})
			return l.judge()
		}, "G8", "asks something else"},
		{"a lost tail", func(l *log, _ sharedlog.CallID) *queue.Partition {
			l.add(sharedlog.CallID{99}, 500, &events.QueueRemoved{Id: "c"})
			return l.judge()
		}, "LOSS", "acknowledged records are gone"},
		{"two callers were told that they removed it", func(l *log, removed sharedlog.CallID) *queue.Partition {
			second, id := l.call(&events.QueueRemoved{Id: "b"})
			p := l.judge()
			p.Told(removed, "")
			p.Told(id, "")
			_ = second
			return p
		}, "G8", "the log says otherwise"},
		{"a caller was told of a call that is lost", func(l *log, _ sharedlog.CallID) *queue.Partition {
			p := l.judge()
			p.Told(sharedlog.CallID{77}, "")
			return p
		}, "G8", "does not have"},
		{"an entry returns", func(l *log, _ sharedlog.CallID) *queue.Partition {
			p := l.judge()
			p.Ordering([]queue.Place{{ID: "b", Seq: 2}, {ID: "c", Seq: 3}})
			return p
		}, "G8", `"b" with number 2`},
		{"an entry returns at the end", func(l *log, _ sharedlog.CallID) *queue.Partition {
			p := l.judge()
			p.Ordering([]queue.Place{{ID: "c", Seq: 3}, {ID: "b", Seq: 7}})
			return p
		}, "G8", "was removed or never was"},
		{"an entry is lost", func(l *log, _ sharedlog.CallID) *queue.Partition {
			p := l.judge()
			p.Ordering(nil)
			return p
		}, "G8", `lacks "c"`},
		{"an entry has another place", func(l *log, _ sharedlog.CallID) *queue.Partition {
			p := l.judge()
			p.Ordering([]queue.Place{{ID: "c", Seq: 4}})
			return p
		}, "G8", `"c" with number 4`},
		{"another order", func(l *log, _ sharedlog.CallID) *queue.Partition {
			l.call(&events.QueueEnqueued{Id: "d"})
			p := l.judge()
			p.Ordering([]queue.Place{{ID: "d", Seq: 11}, {ID: "c", Seq: 3}})
			return p
		}, "G8", `"d" with number 11 at place 0`},
		{"a record is missing", func(l *log, removed sharedlog.CallID) *queue.Partition {
			p := queue.NewPartition(topic, queue.Options{})
			for i := range l.records {
				if i != 5 && i != 6 && i != 9 { // Both removals and the copy.
					p.Feed(&l.records[i])
				}
			}
			p.Told(removed, "")
			return p
		}, "G8", "does not have"},
		{"a record was changed", func(l *log, _ sharedlog.CallID) *queue.Partition {
			l.records[3].Value = l.records[2].Value // "b" twice.
			p := l.judge()
			p.Ordering([]queue.Place{{ID: "c", Seq: 3}})
			return p
		}, "G8", "was removed or never was"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, removed := sound(t)
			r := c.broke(l, removed).Report()
			if r.OK() || r.Findings[0].Rule != c.rule || !strings.Contains(r.Findings[0].Text, c.text) || r.Findings[0].Log != topic {
				t.Fatalf("found %+v", r.Findings)
			}
		})
	}
}

// A token that no claim had is counted: it may be a caller's mistake.
func TestStrangeTokens(t *testing.T) {
	l := newLog(t, nil)
	l.call(&events.QueueEnqueued{Id: "a"})
	claim, _ := l.call(&events.QueueClaimed{LeaseMs: 1000})
	refused, _ := l.call(&events.QueueClaimed{LeaseMs: 1000})
	l.call(&events.QueueDone{Id: "a", Token: refused})
	l.call(&events.QueueReleased{Id: "a", Token: claim})
	l.call(&events.QueueDone{Id: "a", Token: claim})
	if r := l.judge().Report(); r.Strange != 1 || !r.OK() {
		t.Fatalf("%+v", r)
	}
}

// Of a log without its beginning only what can be judged is.
func TestALogWithoutItsBeginning(t *testing.T) {
	l, _ := sound(t)
	p := queue.NewPartition(topic, queue.Options{})
	for i := range l.records[2:] {
		p.Feed(&l.records[2+i])
	}
	p.Ordering(nil)
	if r := p.Report(); !r.OK() || len(r.Report.Partial) != 1 || r.Report.Partial[0].Begins != 2 || r.Calls != 0 {
		t.Fatalf("%+v", r)
	}
}

// Findings are bounded, and counted beyond.
func TestManyFindings(t *testing.T) {
	l := newLog(t, nil)
	for range 10 {
		l.add(sharedlog.CallID{9}, 1<<40, &events.QueueDone{})
	}
	p := queue.NewPartition(topic, queue.Options{MaxFindings: 3})
	for i := range l.records {
		p.Feed(&l.records[i])
	}
	if r := p.Report(); r.Violations != 10 || r.Losses != 10 || len(r.Findings) != 3 {
		t.Fatalf("%+v", r)
	}
}

// A call of a host that had opened another queue of the name, which was longer, is no loss,
// also if it stands before the call that creates this one; one that names this queue is.
func TestACallForALongerQueueOfTheName(t *testing.T) {
	stray := &events.QueueEnqueued{Id: "stray", Creation: 7}
	before := &log{t: t}
	before.add(sharedlog.CallID{99}, 500, stray)
	if r := before.judge().Report(); r.Losses != 1 {
		t.Errorf("nothing is known of the log: %+v", r)
	}
	before.call(&events.QueueConfigured{Create: true})
	behind := newLog(t, nil)
	behind.add(sharedlog.CallID{99}, 500, stray)
	for name, l := range map[string]*log{"before": before, "behind": behind} {
		if r := l.judge().Report(); r.Losses != 0 || !r.OK() {
			t.Errorf("%s: %+v", name, r)
		}
		l.add(sharedlog.CallID{98}, 500, &events.QueueEnqueued{Id: "own", Creation: 1 << 56})
		p := l.judge()
		for range 2 { // A report changes nothing.
			if r := p.Report(); r.Losses != 1 || r.Violations != 1 {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}
