package kafkatest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/internal/kafka"
)

// eventually polls what no event tells of.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx := limited(t)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited %v until %s", patience, what)
		}
	}
}

// patient is for brokers that, on a busy machine, take long to come back.
func patient(config *kafka.Config) { config.RetryBudget = patience }

func restart(t *testing.T, b Broker) {
	c := client(t, b, patient)
	p := c.Partition(topic(t, c, 1, nil), 0)
	var want []string
	term := int64(-1)
	for i := range 2 {
		batch := values(fmt.Sprint(i, "/"), 3)
		if base := appended(t, p, batch); base != int64(3*i) {
			t.Fatal(base)
		}
		want = append(want, texts(batch)...)
		before := term
		if term = termOf(t, p); term == before || termOf(t, p) != term {
			t.Fatalf("pages are of term %d, then of %d; before the restart they were of %d", term, termOf(t, p), before)
		}
		b.Kill()
		b.Start()
	}
	got, _ := readAll(t, p, 0)
	if d := cmp.Diff(want, texts(got)); d != "" {
		t.Fatal(d)
	}
}

// emptyRestart: of a partition whose records were all deleted the end stays, and no
// offset is given twice. One that was never written begins at 0. A broker that is killed
// may show deleted records again.
func emptyRestart(t *testing.T, b Broker) {
	c := client(t, b, patient)
	const fresh, emptied, full = 0, 1, 2
	name := topic(t, c, 3, nil)
	end := int64(0)
	for round, restart := range []struct {
		end  func()
		more bool // records come before it
	}{{b.Stop, true}, {b.Stop, false}, {b.Kill, true}} {
		for _, n := range []int32{emptied, full} {
			if !restart.more {
				break
			}
			appended(t, c.Partition(name, n), values("a", 2))
			if base := appended(t, c.Partition(name, n), values("b", 3)); base != end+2 {
				t.Fatalf("round %d: partition %d goes on at %d, want %d", round, n, base, end+2)
			}
		}
		if restart.more {
			end += 5
		}
		if err := c.DeleteRecords(limited(t), name, emptied, end); err != nil {
			t.Fatal(err)
		}
		killed := round == 2
		restart.end()
		b.Start()
		for n, want := range map[int32][2]int64{fresh: {}, emptied: {end, end}, full: {0, end}} {
			start, e, err := c.Offsets(limited(t), name, n)
			if err != nil || e != want[1] || start != want[0] && (!killed || start > want[0]) {
				t.Errorf("round %d: partition %d holds [%d, %d), %v; want [%d, %d)", round, n, start, e, err, want[0], want[1])
			}
		}
	}
}

func termOf(t *testing.T, p *kafka.Partition) int64 {
	t.Helper()
	page, err := p.Fetch(limited(t), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return page.Term
}

// deadConnections: a broker that went took all idle connections with it. They
// must not cost one failed attempt each.
func deadConnections(t *testing.T, b Broker) {
	c := client(t, b, patient)
	p := c.Partition(topic(t, c, 1, nil), 0)
	appended(t, p, values("before", 1))
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if _, err := p.Fetch(limited(t), 1, 200*time.Millisecond); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b.Kill()
	b.Start()
	begun := time.Now()
	appended(t, p, values("after", 1))
	if d := time.Since(begun); d > 5*time.Second {
		t.Fatalf("the first append after the restart took %v", d)
	}
}

// leaderAway appends and reads all the while that the leader is away: nothing
// fails, nothing is lost, nothing doubled.
func leaderAway(t *testing.T, b Broker) {
	outage(t, b, func() {
		b.Kill()
		<-time.After(b.Away)
		b.Start()
	})
}

func pausedBroker(t *testing.T, b Broker) {
	outage(t, b, func() {
		b.Pause()
		<-time.After(b.Away + 2*time.Second) // beyond the timeout of a request
		b.Continue()
	})
}

func outage(t *testing.T, b Broker, happens func()) {
	c := client(t, b, patient)
	name := topic(t, c, 1, nil)
	p, reader := c.Partition(name, 0), c.Partition(name, 0)
	appended(t, p, values("before", 1))
	readAll(t, reader, 0)
	ctx, stop := context.WithCancel(limited(t))
	defer stop()
	over := make(chan struct{})
	tailed := make(chan []string)
	go func() { tailed <- tail(ctx, t, reader, "end0") }()
	want := []string{"before0"}
	done := make(chan error, 1)
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			batch := values(fmt.Sprint(i, "/"), 2)
			if _, err := p.Append(ctx, batch); err != nil {
				done <- err
				return
			}
			want = append(want, texts(batch)...)
			select {
			case <-over:
				return
			default:
			}
		}
	}()
	happens()
	close(over)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	appended(t, p, values("end", 1))
	if d := cmp.Diff(append(want, "end0"), <-tailed); d != "" && !t.Failed() {
		t.Fatal(d)
	}
}

// tail reads until a value comes, as a log's reader does.
func tail(ctx context.Context, t *testing.T, p *kafka.Partition, until string) (got []string) {
	for from := int64(0); ; {
		page, err := p.Fetch(ctx, from, 500*time.Millisecond)
		if err != nil {
			t.Error(err)
			return got
		}
		from = page.Next
		got = append(got, texts(page.Records)...)
		if n := len(got); n > 0 && got[n-1] == until {
			return got
		}
	}
}
