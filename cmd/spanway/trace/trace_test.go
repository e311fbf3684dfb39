package trace

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// history is events of one task, at so many milliseconds.
type history []client.Event

func (h *history) add(ms int64, m proto.Message) {
	*h = append(*h, client.Event{AtMs: 1000 + ms, Logged: events.Logged{Offset: int64(len(*h)), Type: events.TypeOf(m), Message: m}})
}

// sketch writes stages as text: what, where, from and to.
func sketch(stages []stage) string {
	var b strings.Builder
	for _, s := range stages {
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%d-%d %s %s %s", s.OffsetMs, s.OffsetMs+s.TookMs, name(s), s.Engine, what(s))))
	}
	return b.String()
}

func TestStagesOfALife(t *testing.T) {
	accepted := &events.TaskAccepted{Task: &events.Task{Id: "1"}}
	assigned := func(attempt int32, engine string) proto.Message {
		return &events.TaskAssigned{EngineId: engine, Incarnation: "i-" + engine, Attempt: attempt, Token: uint64(attempt)}
	}
	for name, c := range map[string]struct {
		tell func(h *history)
		want string
	}{
		"an engine is lost": {func(h *history) {
			h.add(0, accepted)
			h.add(10, assigned(1, "a"))
			h.add(20, &events.EngineLost{EngineId: "b", Incarnation: "i-b"})
			h.add(5010, &events.EngineLost{EngineId: "a", Incarnation: "i-a", Reason: "no heartbeat"})
			h.add(5010, &events.TaskRetryScheduled{Attempt: 2})
			h.add(6000, assigned(2, "b"))
			h.add(6100, &events.TaskSucceeded{})
		}, `0-10 wait  accepted
10-5010 attempt 1 a lost ENGINE_LOST
5010-6000 wait  lost
6000-6100 attempt 2 b succeeded
6100-6100 end  succeeded
`},
		"an engine begins anew, refuses, returns, and its work is cancelled": {func(h *history) {
			h.add(0, accepted)
			h.add(10, assigned(1, "a"))
			h.add(20, &events.EngineRegistered{Engine: &events.Engine{Id: "a", Incarnation: "newer"}})
			h.add(30, assigned(2, "a"))
			h.add(40, &events.TaskAssignmentRefused{Code: "DRAINING"})
			h.add(50, assigned(2, "b"))
			h.add(60, &events.TaskAttemptReturned{Reason: "not received"})
			h.add(70, assigned(2, "c"))
			h.add(80, &events.TaskCancelled{})
		}, `0-10 wait  accepted
10-20 attempt 1 a lost ENGINE_LOST
20-30 wait  lost
30-40 attempt 2 a refused DRAINING
40-50 wait  refused
50-60 attempt 2 b returned RETURNED
60-70 wait  returned
70-80 attempt 2 c cancelled
80-80 end  cancelled
`},
		"expired": {func(h *history) {
			h.add(0, accepted)
			h.add(500, &events.TaskExpired{})
		}, "0-500 wait  accepted\n500-500 end  expired\n"},
		"running": {func(h *history) {
			h.add(0, accepted)
			h.add(1, assigned(1, "a"))
		}, "0-1 wait  accepted\n1-700 attempt 1 a ...\n"},
		"rejected": {func(h *history) { h.add(0, &events.TaskRejected{Code: "BAD_DATA"}) }, "0-0 rejected  rejected BAD_DATA\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var h history
			c.tell(&h)
			stages, begin := stagesOf(h, 1700)
			if diff := cmp.Diff(c.want, sketch(stages)); diff != "" || begin != 1000 {
				t.Errorf("begins at %d (-want +got):\n%s", begin, diff)
			}
		})
	}
}

func TestBarsAreToScale(t *testing.T) {
	for _, c := range []struct {
		from, took int64
		want       string
	}{
		{0, 100, "██████████"}, {0, 50, "█████"}, {50, 20, "     ██"}, {50, 0, "     ▏"}, {100, 0, "         ▏"}, {0, 1, "▏"},
	} {
		if got := bar(stage{OffsetMs: c.from, TookMs: c.took}, 100, 10); got != c.want {
			t.Errorf("from %d for %d: %q, want %q", c.from, c.took, got, c.want)
		}
	}
	if got := bar(stage{}, 0, 10); got != "▏" {
		t.Errorf("a life without length: %q", got)
	}
}

// The trace of whoever calls the program is that of the task, with or without an
// export of spans.
func TestTasksNameTheTraceOfTheirCaller(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	t.Setenv("TRACEPARENT", "00-"+id+"-00f067aa0ba902b7-01")
	t.Setenv("SPANWAY_TRACE_URL", "http://jaeger/trace/{traceID}?uiEmbed")
	s := clitest.Start(t, 1)
	at := []string{"--brokers", s.Brokers()[0]}
	if _, stderr, code := program.Call(t.Context(), "", append([]string{"task", "submit", "-k", "noop", "--id", "traced", "--wait"}, at...)...); code != 0 {
		t.Fatal(stderr)
	}
	for _, noun := range [][]string{{"task", "show"}, {"trace"}} {
		args := append(append(noun, "traced"), at...)
		out, stderr, _ := program.Call(t.Context(), "", args...)
		if want := "trace      " + id + "  http://jaeger/trace/" + id + "?uiEmbed\n"; !strings.Contains(out, want) {
			t.Errorf("%v prints no %q:\n%s%s", noun, want, out, stderr)
		}
		out, _, _ = program.Call(t.Context(), "", append(args, "-o", "json")...)
		var link cli.TraceLink
		if err := json.Unmarshal([]byte(out), &link); err != nil || link.TraceID != id || !strings.HasSuffix(link.TraceURL, id+"?uiEmbed") {
			t.Errorf("%v: %+v, %v", noun, link, err)
		}
	}
}
