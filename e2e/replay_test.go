package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Tasks that died of a server's trouble are replayed when it is over: all of
// them, each once, as new tasks, even after the scheduler has changed.
func TestTheDeadAreReplayedWhenTheTroubleIsOver(t *testing.T) {
	t.Parallel()
	const n = 20
	var well atomic.Bool
	var served atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		served.Add(1)
		fmt.Fprint(w, r.Header.Get("Spanway-Task"))
	}))
	defer web.Close()
	s := newSystem(t, onKfake)
	first := s.scheduler()
	s.engineProcess("caller", "--http-allow", web.URL+"/jobs", "--slots", "4")
	one := int32(1)
	s.submit(n, func(i int) client.Task {
		return client.Task{
			ID: events.TaskID(fmt.Sprint("job", i)), Kind: "http", Payload: fmt.Appendf(nil, `{"url":"%s/jobs/%d"}`, web.URL, i),
			Retry: &client.Retry{MaxAttempts: one},
		}
	})
	s.seen.awaitCount(t, events.TypeTaskDeadLettered, n, patience)
	well.Store(true)
	first.signal(syscall.SIGKILL)
	s.scheduler()

	eventually(t, patience, "all letters are on their topic", func(ctx context.Context) bool {
		out, err := commandLine(ctx, binary, "log", "dead", "-o", "json", "--brokers", s.broker.Addr()).Output()
		return err == nil && strings.Count(string(out), "\n") >= n
	})
	out, err := commandLine(t.Context(), binary, "log", "dead", "--replay", "--all", "--code", "HTTP_503", "-o", "json", "--brokers", s.broker.Addr()).Output()
	if err != nil {
		t.Fatalf("log dead --replay: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		var v struct {
			Task string `json:"task"`
			As   string `json:"replayed_as"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.As != v.Task+".r1" {
			t.Errorf("replayed: %s, %v", line, err)
		}
	}
	s.seen.awaitCount(t, events.TypeTaskSucceeded, n, patience)
	if served.Load() != n {
		t.Errorf("the server served %d requests, want %d", served.Load(), n)
	}
	s.verify()
}

// What the stand-alone engine measures of itself is in its heartbeats, of what it
// offers only.
func TestAnEngineReportsWhatItUses(t *testing.T) {
	t.Parallel()
	s := newSystem(t, onKfake)
	s.scheduler()
	s.engineProcess("measured", "--capacity", "slots=1,memory_bytes=1Gi", "--node", "host-7", "--monitor", "process")
	k := kafka.New(kafka.Config{Brokers: []string{s.broker.Addr()}})
	defer k.Close()
	log := k.Partition(events.Topics{Prefix: events.DefaultPrefix}.Reports(), events.PoolPartition(events.DefaultPool))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	node := ""
	for next := int64(0); ; {
		page, err := log.Fetch(ctx, next, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Records {
			_, m, err := events.Decode(&page.Records[i])
			if err != nil {
				t.Fatal(err)
			}
			switch m := m.(type) {
			case *events.EngineRegistration:
				node = m.Engine.Node
			case *events.EngineHeartbeat:
				if used := m.Used["memory_bytes"]; used < 4<<20 || used > 1<<30 || len(m.Used) != 1 || node != "host-7" {
					t.Errorf("uses %v on %q; want some MiB of memory alone, on host-7", m.Used, node)
				}
				return
			}
		}
		next = page.Next
	}
}
