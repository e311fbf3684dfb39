package logowner_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
)

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newJournal() *journal { return &journal{more: make(chan struct{}, 1)} }

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case j.more <- struct{}{}:
	default:
	}
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) await(t *testing.T, text string) {
	t.Helper()
	for late := time.After(60 * time.Second); !strings.Contains(j.String(), text); {
		select {
		case <-j.more:
		case <-late:
			t.Fatalf("the log does not say %q:\n%s", text, j)
		}
	}
}

// scripted is a cluster whose group gives partition 0 for as long as the test says.
type scripted struct {
	logowner.Cluster
	generation context.Context
}

func (s scripted) Join(ctx context.Context, _, _ string, run func(context.Context, int32, []int32)) error {
	living, end := context.WithCancel(ctx)
	defer context.AfterFunc(s.generation, end)()
	run(living, 1, []int32{0})
	end()
	<-ctx.Done() // It is in no other generation.
	return ctx.Err()
}

func logged(cfg logowner.Config[string]) (logowner.Config[string], *journal) {
	j := newJournal()
	cfg.Telemetry.Logger = slog.New(slog.NewTextHandler(j, nil))
	return cfg, j
}

// A member that the group gave a partition to claims the log of one that did not know yet:
// that is ordinary.
func TestATakeOverIsNoForeignClaim(t *testing.T) {
	set(t, time.Hour)
	c := newCluster(t)
	living, end := context.WithCancel(t.Context())
	defer end()
	first, log := logged(config(c))
	first.Cluster = scripted{first.Cluster, living}
	run(t, first)
	log.await(t, "owning")
	second, other := logged(config(c))
	second.Cluster = scripted{second.Cluster, t.Context()}
	run(t, second)
	other.await(t, "owning")
	end()
	log.await(t, "another owner claimed the log: another member of the group was given the partition")
	if strings.Contains(log.String(), "foreign") {
		t.Errorf("it is taken for a foreign claim:\n%s", log)
	}
}

// What the group gave nothing to claims the log: a person is to look for it.
func TestAForeignClaimIsToldAsSuch(t *testing.T) {
	set(t, 10*time.Millisecond)
	c := newCluster(t)
	cfg, log := logged(config(c))
	run(t, cfg)
	log.await(t, "owning")
	claimOutside(t, cfg)
	log.await(t, "a foreign owner claimed the log, although the group gives the partition to this process")
	log.await(t, "epoch=3") // It claims it again.
	if strings.Contains(log.String(), "another member") {
		t.Errorf("it is taken for an ordinary take-over:\n%s", log)
	}
}

func set(t *testing.T, d time.Duration) {
	was := *logowner.ForeignAfter
	*logowner.ForeignAfter = d
	t.Cleanup(func() { *logowner.ForeignAfter = was })
}

// claimOutside claims the log as an owner of no group would, and then ends.
func claimOutside(t *testing.T, cfg logowner.Config[string]) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	owner := eventlog.NewOwner(eventlog.OwnerConfig[string]{
		Log: cfg.Cluster.Partition(testLog, 0), Topic: testLog, Inputs: noInputs{}, Outbox: noOutbox{},
		NewCore: func() eventlog.Core[string] { return &relay{} }, Encoder: cfg.Encoder, Now: time.Now,
		Random: func() (id [16]byte) { _, _ = rand.Read(id[:]); return id },
		Hooks:  eventlog.Hooks[string]{Owned: func(uint32, eventlog.Core[string]) { cancel() }},
	})
	_ = owner.Run(ctx)
}

type noInputs struct{}

func (noInputs) Seek(map[eventlog.TopicPartition]int64) {}
func (noInputs) Next(ctx context.Context, _ eventlog.Wait) (eventlog.Arrivals[string], error) {
	return eventlog.Arrivals[string]{}, ctx.Err()
}

type noOutbox struct{}

func (noOutbox) Room(string, int32) bool                  { return true }
func (noOutbox) Send(int64, string, int32, events.Record) {}
func (noOutbox) Through(limit int64) int64                { return limit }
func (noOutbox) Reset()                                   {}

// denying is a cluster on which the right to read may be taken away.
type denying struct {
	logowner.Cluster
	taken *atomic.Bool
}

func (d denying) Partition(topic string, partition int32) eventlog.Log {
	return deniedLog{d.Cluster.Partition(topic, partition), d.taken}
}

type deniedLog struct {
	eventlog.Log
	taken *atomic.Bool
}

func (l deniedLog) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if l.taken.Load() {
		return events.Page{}, missing{}
	}
	return l.Log.Fetch(ctx, from, wait)
}

type missing struct{}

func (missing) Error() string { return "it lacks the right Read" }
func (missing) Denied() bool  { return true }

// A right that is taken away while a service runs is told, and in its way until it is back.
func TestADeniedRightIsInTheWay(t *testing.T) {
	c := newCluster(t)
	cfg, log := logged(config(c))
	taken := &atomic.Bool{}
	cfg.Cluster = denying{cfg.Cluster, taken}
	s, err := logowner.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	<-s.Ready()
	if err := s.Trouble(); err != nil {
		t.Errorf("in the way is %v", err)
	}
	taken.Store(true)
	log.await(t, `level=ERROR msg="trying again" doing="own t.events/0"`)
	if err := s.Trouble(); err == nil || !strings.Contains(err.Error(), "it lacks the right Read") {
		t.Errorf("in the way is %v", err)
	}
	taken.Store(false)
	log.await(t, "it goes on again")
	if err := s.Trouble(); err != nil {
		t.Errorf("in the way is still %v", err)
	}
}

// A service that is stopped before it owned anything was never ready.
func TestAServiceThatIsStoppedWasNotReady(t *testing.T) {
	c := newCluster(t)
	taken := &atomic.Bool{}
	taken.Store(true)
	for range 20 {
		cfg, log := logged(config(c))
		cfg.Cluster = denying{cfg.Cluster, taken}
		s, err := logowner.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		log.await(t, "partitions assigned")
		cancel()
		<-ended
		select {
		case <-s.Ready():
			t.Fatal("it says that it was ready, and owned nothing")
		default:
		}
	}
}
