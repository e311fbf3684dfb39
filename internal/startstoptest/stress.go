package startstoptest

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Service is what every service offers.
type Service interface {
	// Run works until ctx ends, and then returns nil. A service runs once.
	Run(ctx context.Context) error
	// Ready is closed once the service does its work.
	Ready() <-chan struct{}
}

// soon is how long a service may take to start, or to stop, on a busy machine.
const soon = time.Minute

// rounds is how often a service is stopped at a moment of chance.
const rounds = 8

// Stress starts and stops services in every order. newService makes one that was not
// run, with all that it needs; release ends that, such as a broker and a connection:
// then nothing may be left.
func Stress(t *testing.T, newService func(t *testing.T) (s Service, release func())) {
	t.Helper()
	cases := map[string]func(t *testing.T, s Service){
		"never started":                    func(*testing.T, Service) {},
		"started when its context is over": cancelledStart,
		"stopped when it is ready":         stopReady,
		"stopped by many at once":          stopByMany,
		"stopped by a deadline":            stopByDeadline,
		"started twice":                    startTwice,
		"started again":                    startAgain,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) { one(t, newService, run) })
	}
	t.Run("stopped at any moment", func(t *testing.T) {
		for range rounds {
			one(t, newService, stopAnyTime)
		}
	})
}

// one runs a case and looks for what is left of it.
func one(t *testing.T, newService func(t *testing.T) (s Service, release func()), run func(*testing.T, Service)) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	s, release := newService(t)
	run(t, s)
	release()
	goleak.VerifyNone(t, before)
}

// running is a service that was started.
type running struct {
	t      *testing.T
	cancel context.CancelFunc
	ended  chan error
}

func start(t *testing.T, s Service) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	return startUnder(ctx, t, cancel, s)
}

func startUnder(ctx context.Context, t *testing.T, cancel context.CancelFunc, s Service) *running {
	t.Helper()
	r := &running{t, cancel, make(chan error, 1)}
	go func() { r.ended <- s.Run(ctx) }()
	return r
}

// stop ends the context and demands that Run returns nil.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	r.wait()
}

func (r *running) wait() {
	r.t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("Run returned %v, want nil after its context ended", err)
		}
	case <-time.After(soon):
		r.t.Fatalf("Run did not return within %v", soon)
	}
}

func ready(t *testing.T, s Service, r *running) {
	t.Helper()
	select {
	case <-s.Ready():
	case err := <-r.ended:
		t.Fatalf("Run returned %v before it was ready", err)
	case <-time.After(soon):
		t.Fatalf("not ready within %v", soon)
	}
}

func cancelledStart(t *testing.T, s Service) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	startUnder(ctx, t, cancel, s).stop()
	select {
	case <-s.Ready():
		t.Error("a service that was never to run is ready")
	default:
	}
}

func stopReady(t *testing.T, s Service) {
	r := start(t, s)
	ready(t, s, r)
	r.stop()
}

func stopByMany(t *testing.T, s Service) {
	r := start(t, s)
	ready(t, s, r)
	var all sync.WaitGroup
	for range 4 {
		all.Go(r.cancel)
	}
	all.Wait()
	r.stop()
}

func stopByDeadline(t *testing.T, s Service) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	startUnder(ctx, t, cancel, s).wait()
}

func startTwice(t *testing.T, s Service) {
	r := start(t, s)
	ready(t, s, r)
	again := start(t, s)
	select {
	case err := <-again.ended:
		if err == nil {
			t.Error("Run of a service that runs returned nil, want an error")
		}
	case <-time.After(soon):
		t.Errorf("Run of a service that runs did not return within %v", soon)
	}
	again.cancel()
	select {
	case err := <-r.ended:
		t.Errorf("the service ended because it was started again: %v", err)
		r.ended <- err
	default:
	}
	r.stop()
}

func startAgain(t *testing.T, s Service) {
	r := start(t, s)
	ready(t, s, r)
	r.stop()
	again := start(t, s)
	defer again.cancel()
	select {
	case err := <-again.ended:
		if err == nil {
			t.Error("Run of a service that has run returned nil, want an error")
		}
	case <-time.After(soon):
		t.Errorf("Run of a service that has run did not return within %v", soon)
	}
}

// stopAnyTime stops a service at a moment of its start.
func stopAnyTime(t *testing.T, s Service) {
	r := start(t, s)
	moment := time.NewTimer(time.Duration(rand.IntN(300)) * time.Millisecond)
	defer moment.Stop()
	select {
	case <-moment.C:
	case err := <-r.ended:
		t.Fatalf("Run returned %v before it was stopped", err)
	}
	r.stop()
}
