package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// life is a service that is ready or is not, lasts a while, and ends with an error; without
// one it lasts until it is told to end.
type life struct {
	ready chan struct{}
	lasts time.Duration
	err   error
}

func alive(lasts time.Duration, err error) *life {
	l := unready(err)
	l.lasts = lasts
	close(l.ready)
	return l
}

func unready(err error) *life { return &life{ready: make(chan struct{}), err: err} }

func (l *life) Ready() <-chan struct{} { return l.ready }

func (l *life) Run(ctx context.Context) error {
	if l.err == nil {
		<-ctx.Done()
		return nil
	}
	trouble.Pause(ctx, l.lasts)
	return l.err
}

// lives are what one service lives through, one after the other, with times of a bubble.
type lives struct {
	all   []*life
	began []time.Duration // since the first one ended
	since time.Time
	board *trouble.Board
	log   bytes.Buffer
	fatal error
}

// follow is called in a bubble, and returns when the service is not started again.
func (l *lives) follow(ctx context.Context, err error, all ...*life) {
	l.all, l.since, l.board = all, time.Now(), trouble.NewBoard(slog.New(slog.DiscardHandler))
	a := &again{
		build: func() (service, error) {
			l.began = append(l.began, time.Since(l.since))
			next := l.all[0]
			l.all = l.all[1:]
			return next, nil
		},
		board: func() *trouble.Board { return l.board },
		log:   slog.New(slog.NewTextHandler(&l.log, nil)),
		fail:  func(name string, err error) { l.fatal = &endedError{name, err} },
	}
	a.ended(ctx, "replicator of site fra", err)
}

var errCut = errors.New("replicator of site fra: the broker hung up")

// A service that ends for an outside reason is started again, later each time that it is down
// at once, and as soon as ever after it has worked for long. Meanwhile the board says so.
func TestAPartThatEndsIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var l lives
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.follow(ctx, errCut, unready(errCut), unready(errCut), alive(2*steadily, errCut), alive(0, nil))
		}()
		time.Sleep(3 * time.Second) //nolint:forbidigo // The time is virtual.
		synctest.Wait()
		if err := l.board.Err(); err == nil || !strings.Contains(err.Error(), "run the replicator of site fra") ||
			!strings.Contains(err.Error(), "the replicator of site fra ended: the broker hung up") {
			t.Errorf("while it is down the board says %v", err)
		}
		time.Sleep(5 * time.Minute) //nolint:forbidigo // As above.
		synctest.Wait()
		if err := l.board.Err(); err != nil {
			t.Errorf("when it is back the board says %v", err)
		}
		stop()
		<-done
		if len(l.began) != 4 || l.fatal != nil {
			t.Fatalf("it began at %v, and ended everything with %v", l.began, l.fatal)
		}
		for i, from := range []time.Duration{0, l.began[0], l.began[1], l.began[2] + 2*steadily} {
			want := min(firstPause<<i, mostPause)
			if i == 3 {
				want = firstPause
			}
			if got := l.began[i] - from; got < want*3/4 || got > want*5/4 {
				t.Errorf("start %d comes %v later, want about %v", i+1, got, want)
			}
		}
		if told := strings.Count(l.log.String(), "a part ended and is started again"); told != 2 {
			t.Errorf("the log tells %d times of a part that was ready and ended, want 2:\n%s", told, l.log.String())
		}
	})
}

// What only another configuration mends ends everything, also if it comes later.
func TestAFaultOfConfigurationIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := fmt.Errorf("replicator of site fra: %w", &kafka.Misconfigured{Topic: "x", Problem: "has 3 partitions, not 4", Remedy: "delete it"})
		const want = "the replicator of site fra ended: topic x has 3 partitions, not 4; delete it"
		for _, first := range []error{wrong, errCut} {
			var l lives
			l.follow(t.Context(), first, unready(wrong))
			if l.fatal == nil || l.fatal.Error() != want {
				t.Errorf("after %v everything ends with %v, want %s", first, l.fatal, want)
			}
			var topic *kafka.Misconfigured
			if !errors.As(l.fatal, &topic) {
				t.Errorf("the error is no %T", topic)
			}
		}
	})
}

// A replicator that was started again copies; the system goes on meanwhile.
func TestAReplicatorThatWasStartedAgainCopies(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := startSites(t, Config{})
	defer s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	fra := s.sites[1]
	for _, p := range s.parts {
		if p.name == "replicator of site fra" {
			p.stop()
			p.stop = nil
		}
	}
	builds := 0
	added := s.addKept(fra, "replicator", func() (service, error) {
		if builds++; builds == 1 {
			return alive(0, errCut), nil
		}
		return fra.newReplicator(s.sites)
	})
	if err := added.begin(ctx); err != nil {
		t.Fatal(err)
	}
	site, err := replication.Open(ctx, fra.cluster, replication.Options{Brief: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = site.Close() }()
	if _, err := site.Apply(ctx, replication.Spec{Name: "in", Source: "ams", Include: []string{"orders"}}, replication.Any); err != nil {
		t.Fatal(err)
	}
	ams := s.sites[0].cluster
	if err := ams.Kafka().Create(ctx, events.TopicSpec{Name: "orders", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	write(ctx, t, ams, "orders", 10)
	await(ctx, t, fra.cluster, "orders", 10)
	select {
	case err := <-s.Failed():
		t.Errorf("the system ends with %v", err)
	default:
	}
}
