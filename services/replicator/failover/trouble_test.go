package failover_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/failover"
)

// code fails if an error is not of that code.
func code(t *testing.T, what string, err error, want failover.Code) {
	t.Helper()
	if !errors.Is(err, &failover.Error{Code: want}) {
		t.Fatalf("%s: %v; want %s", what, err, want)
	}
}

// certain fails unless that is what the report says of what is not copied.
func certain(t *testing.T, what string, r *failover.Report, want failover.Certainty) {
	t.Helper()
	for _, p := range r.Partitions {
		if p.Certain != want {
			t.Errorf("%s: %+v; want %s", what, p, want)
		}
	}
}

// Writers at the source that go on are seen: before anything is changed, and at the last
// moment, when it is undone.
func TestWritersGoOn(t *testing.T) {
	ams, fra := places(t)
	fra.link()
	c, n := fra.from(ams), 0
	more := func() { ams.write(n, 1); n++ }
	c.Quiet, c.Timeout = 3*time.Second, 4*time.Second
	more()
	writing, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for writing.Err() == nil {
			more()
		}
	}()
	report, err := failover.Run(t.Context(), c)
	stop()
	<-ended
	code(t, "writers go on", err, failover.SourceIsWritten)
	unsettled(t, "writers go on", &report)
	fra.paused(false)
	if s, err := ams.links.State(t.Context(), true); err != nil || len(s.Links) > 0 {
		t.Errorf("there are %+v at ams, %v", s.Links, err)
	}
	late := fra.from(ams)
	late.Tell = func(s failover.Step, _ string) {
		if s == failover.Pause {
			more()
		}
	}
	report, err = failover.Run(t.Context(), late)
	code(t, "a late record", err, failover.SourceIsWritten)
	unsettled(t, "a late record", &report)
	if p := report.Partitions[0]; p.Left == 0 {
		t.Errorf("a late record: %+v says that all is copied", p)
	}
	fra.paused(false)
	run(t, fra.from(ams))
	fra.write(n, 3)
	ams.holds(n + 3)
	fra.holds(n + 3)
}

// unsettled fails if a report says for certain what is not copied, although records came meanwhile, or
// says it otherwise than its offsets do.
func unsettled(t *testing.T, name string, r *failover.Report) {
	t.Helper()
	if len(r.Partitions) == 0 {
		t.Errorf("%s: %+v names no partitions", name, r)
	}
	for _, p := range r.Partitions {
		if p.Certain != failover.LastKnown || p.Left != p.End-p.Next {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// hesitant keeps requests for the ends of a source back for a while.
type hesitant struct {
	net.Conn
	by time.Duration
}

func (h hesitant) Write(b []byte) (int, error) {
	const listOffsets = 2
	if len(b) > 6 && binary.BigEndian.Uint16(b[4:]) == listOffsets {
		<-time.After(h.by) // It is slow, which is what is tested.
	}
	return h.Conn.Write(b)
}

// A source that takes longer to answer than there is to see that nobody writes is looked at
// all the same.
func TestASourceThatIsSlowToAnswer(t *testing.T) {
	ams, fra := places(t)
	ams.write(0, 5)
	fra.link()
	c := fra.from(ams)
	c.Quiet, c.Timeout = 50*time.Millisecond, 100*time.Millisecond
	slow := ams.broker.Connect(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return hesitant{conn, c.Timeout}, err
	})
	c.Source = func(context.Context, *replication.Link) (failover.Site, error) {
		return failover.Site{Name: ams.name, Cluster: slow, Links: ams.links}, nil
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c.Tell = func(s failover.Step, _ string) {
		if s == failover.Drain {
			stop()
		}
	}
	if _, err := failover.Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("it has not come to the next step: %v", err)
	}
}

// A source that is away: it takes force, what is missing is counted; when it is back the link
// back is made, and nothing was lost.
func TestTheSourceIsAway(t *testing.T) {
	ams, fra := places(t)
	ams.write(0, 10)
	fra.link()
	fra.copied(10)
	fra.stop() // What comes now is not copied.
	ams.write(10, 30)
	hasty := fra.from(ams)
	hasty.Timeout = 500 * time.Millisecond
	_, behind := failover.Run(t.Context(), hasty)
	code(t, "not all is copied", behind, failover.NotDrained)
	ams.broker.Stop()
	c := fra.from(ams)
	source := c.Source
	c.Source = func(ctx context.Context, l *replication.Link) (failover.Site, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		s, err := source(ctx, l)
		if _, asking := s.Cluster.Kafka().Describe(ctx); asking != nil {
			return s, asking
		}
		return s, err
	}
	_, err := failover.Run(t.Context(), c)
	code(t, "the source is away", err, failover.SourceUnreachable)
	fra.paused(false)
	c.Force = true
	r := run(t, c)
	if !r.Forced || !r.Unfinished || r.Already {
		t.Errorf("%+v", r)
	}
	certain(t, "forced", &r, failover.LastKnown)
	fra.paused(true)
	fra.withoutBack(true)
	if r := run(t, c); !r.Already || !r.Unfinished {
		t.Errorf("again: %+v", r)
	} else {
		certain(t, "forced again", &r, failover.LastKnown)
	}
	fra.write(40, 5)
	ams.broker.Start()
	c.Source, c.Force = source, false
	r = run(t, c)
	if r.Forced || r.Unfinished || r.Already {
		t.Errorf("the source is back: %+v", r)
	}
	certain(t, "the source is back", &r, failover.Exact)
	fra.withoutBack(false)
	fra.paused(true)
	for _, p := range r.Partitions {
		if p.Next != 10 || p.Left != 30 || p.Gone != 0 {
			t.Errorf("the source is back: %+v", p)
		}
	}
	ams.holds(45)
	ams.reported()
	fra.replicate(ams)
	run(t, ams.from(fra))
	for i, p := range r.Partitions {
		fra.has(int32(i), values(0, int(p.Next), 40, 45, int(p.Next), 40))
	}
}

// A link that an operator has paused is failed over only by force, and only if its source is
// away: then it says up to where the source was known.
func TestAPausedLinkWhoseSourceIsAway(t *testing.T) {
	ams, fra := places(t)
	ams.write(0, 10)
	fra.link()
	fra.copied(10)
	if err := fra.links.Pause(t.Context(), "orders", "maintenance"); err != nil {
		t.Fatal(err)
	}
	fra.stop()
	c := fra.from(ams)
	c.Force = true
	_, err := failover.Run(t.Context(), c)
	code(t, "the source is there", err, failover.LinkPaused)
	c.Source = func(context.Context, *replication.Link) (failover.Site, error) {
		return failover.Site{Name: "ams"}, errors.New("it is away")
	}
	c.Force = false
	_, err = failover.Run(t.Context(), c)
	code(t, "the source is away", err, failover.LinkPaused)
	if !strings.Contains(err.Error(), "--force") {
		t.Errorf("it says %v", err)
	}
	c.Force = true
	r := run(t, c)
	if !r.Forced || !r.Unfinished || len(r.Partitions) != partitions {
		t.Errorf("%+v", r)
	}
	for _, p := range r.Partitions {
		if p.Next != 10 || p.At.IsZero() {
			t.Errorf("%+v", p)
		}
	}
	fra.withoutBack(true)
}

// Copies that differ from the source are not failed over to.
func TestACopyDiffers(t *testing.T) {
	ams, fra := places(t)
	ams.write(0, 5)
	fra.link()
	fra.copied(5)
	fra.stop() // It would tell of the record itself, once it wrote again.
	fra.write(5, 1)
	_, err := failover.Run(t.Context(), fra.from(ams))
	code(t, "somebody else has written", err, failover.CopyDiffers)
	fra.paused(false)
}

// Links that cannot be turned round are refused before anything is asked, and say why.
func TestWhatIsNotReversible(t *testing.T) {
	ams, fra := places(t)
	for says, spec := range map[string]replication.Spec{
		"its copies are called x.TOPIC here":          {Include: []string{"orders"}, Prefix: "x."},
		"it copies only those records that name this": {Include: []string{"orders"}, Model: "routed"},
	} {
		spec.Name, spec.Source = "orders", "ams"
		if _, err := fra.links.Apply(t.Context(), spec, replication.Any); err != nil {
			t.Fatal(err)
		}
		c := fra.from(ams)
		c.Source, c.Force = nil, true
		_, err := failover.Run(t.Context(), c)
		code(t, says, err, failover.NotReversible)
		if !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, not %q", err, says)
		}
		fra.paused(false)
	}
}
