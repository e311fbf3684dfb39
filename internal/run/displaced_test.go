package run

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/engine"
)

// An engine of another process that takes the ID of an engine of the system puts
// that one out, and nothing else: it is told of, and readiness says so.
func TestDisplacedEngineDoesNotEndTheSystem(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	tel, err := telemetry.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Stop(context.Background())
	var log lockedBuffer
	s, err := Start(t.Context(), Config{Engines: 1, Telemetry: tel, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	server := httptest.NewServer(tel.Handler())
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	awaitReady(t, server.URL+"/readyz", http.StatusOK, "ok")

	other, err := engine.New(engine.Config{Brokers: s.Brokers(), ID: "local-1", Site: "local", Grace: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	other.Handle("noop", func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := other.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()
	awaitReady(t, server.URL+"/readyz", http.StatusServiceUnavailable, "the engine local-1 ended: ")
	select {
	case err := <-s.Failed():
		t.Errorf("the system ends with: %v", err)
	default:
	}
	if err := s.Cluster().Check(t.Context()); err != nil {
		t.Errorf("the broker does not answer: %v", err)
	}
	if !strings.Contains(log.String(), "an engine is out") {
		t.Errorf("the log does not tell of it:\n%s", log.String())
	}
}

// lockedBuffer is a buffer for a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
