package engine

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/porttest"
)

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

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

// begin runs an engine, and returns its log and what ends it.
func begin(t *testing.T, brokers string, options ...Option) (*Engine, *journal, func()) {
	t.Helper()
	log := &journal{more: make(chan struct{}, 1)}
	e, err := New(Config{Brokers: []string{brokers}, ID: "e1", Pool: "blue", Logger: slog.New(slog.NewTextHandler(log, nil))}, options...)
	if err != nil {
		t.Fatal(err)
	}
	e.Handle("echo", held(nil))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	return e, log, func() {
		cancel()
		if err := await(t, "Run to return", ended); err != nil {
			t.Error(err)
		}
		if err := e.Trouble(); err != nil {
			t.Errorf("it has ended, and in its way is %v", err)
		}
	}
}

// An engine that no broker answers says so within a second or two, whether nothing
// listens or nothing answers, and ends when it is told to.
func TestAnEngineWithoutABrokerSaysSo(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // It accepts nothing, but the system does.
	for name, broker := range map[string]string{"silent": listener.Addr().String(), "gone": porttest.Addr(t)} {
		t.Run(name, func(t *testing.T) {
			e, log, end := begin(t, broker)
			log.await(t, `msg="trying again"`)
			if err := e.Trouble(); err == nil || !strings.Contains(err.Error(), "tasks.assignments") {
				t.Errorf("in its way is %v", err)
			}
			end()
		})
	}
}

// An engine that no scheduler knows says so, and when one does.
func TestAnEngineWithoutASchedulerSaysSo(t *testing.T) {
	was := registeredWithin
	registeredWithin = 0
	defer func() { registeredWithin = was }()
	m := newMemory()
	e, log, end := begin(t, "memory", func(e *Engine) { e.connect = func() (transport, error) { return connect(m, e), nil } })
	log.await(t, `doing="register engine e1 with the scheduler of pool blue"`)
	if e.Trouble() == nil {
		t.Error("nothing is in its way")
	}
	newScheduler(t, m, "blue")
	log.await(t, "it goes on again")
	if err := e.Trouble(); err != nil {
		t.Errorf("in its way is still %v", err)
	}
	end()
}
