package run

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	standalone "github.com/spanway/spanway/services/engine"
	"github.com/spanway/spanway/services/engine/call"
	"github.com/spanway/spanway/services/engine/command"
)

// TestMain lets this program guard the commands of its engines.
func TestMain(m *testing.M) {
	standalone.MaybeGuard()
	m.Run()
}

// ownProgram is the kind of a handler in a program of one's own, which says too much.
const ownProgram = "own"

// tooLong are tasks, by kind, whose executor gets more text than it may pass on: what
// they give, why they fail, and what they say meanwhile. Each ends with err or without.
// An executor that passes no text on has a row without tasks.
func tooLong(file, server string) map[string][]any {
	sh := func(script string) command.Spec { return command.Spec{Command: []string{"sh", "-c", script, file}} }
	return map[string][]any{
		standalone.KindNoop: {},
		command.Kind: {
			sh(`cat "$0"`), sh(`cat "$0" >&2; exit 3`), sh(`cat "$0"; cat "$0" >&2; kill -9 $$`),
			command.Spec{Command: []string{"sh"}, Dir: file},
		},
		call.Kind:  {call.Spec{URL: server + "/200"}, call.Spec{URL: server + "/400"}, call.Spec{URL: server + "/201"}},
		ownProgram: {"result", "error", "code", "type", "output"},
	}
}

// TestTextThatAnExecutorCutsStaysText runs, for every kind that an engine can execute,
// tasks with more text than any bound, made of characters of three bytes and begun at
// two places, so that a cut by bytes would tear one of them. Nothing that comes into
// the log may have a torn character in it. A new executor has no row, and fails here.
func TestTextThatAnExecutorCutsStaysText(t *testing.T) {
	s, err := Start(t.Context(), Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c := connect(t, s)
	defer func() { _ = c.Close(t.Context()) }()
	for begin := range 2 {
		text := strings.Repeat("x", begin) + strings.Repeat("€", events.MaxPayloadBytes/2)
		file := filepath.Join(t.TempDir(), "text")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		server := answering(t, text)
		stop := talkative(t, s, text)
		rows := tooLong(file, server)
		for _, kind := range append(standalone.Kinds(), ownProgram) {
			tasks, known := rows[kind]
			if !known {
				t.Errorf("kind %q has no tasks here with more text than fits: add them", kind)
			}
			for _, payload := range tasks {
				runToItsEnd(t, c, kind, payload)
			}
		}
		stop()
	}
	seen := nothingIsTorn(t, s, c.Topics().Events())
	for _, typ := range []events.Type{events.TypeTaskSucceeded, events.TypeTaskFailed, events.TypeTaskDeadLettered, events.TypeTaskProgressed} {
		if seen[typ] < 2<<10 {
			t.Errorf("the longest %s has %d bytes: nothing was cut", typ, seen[typ])
		}
	}
}

func runToItsEnd(t *testing.T, c *client.Client, kind string, payload any) {
	t.Helper()
	b, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	_, err = c.Do(ctx, client.Task{Kind: kind, Payload: b, PayloadType: events.ContentJSON, Retry: &client.Retry{MaxAttempts: 1}})
	var failed *client.TaskFailed
	if err != nil && (!errors.As(err, &failed) || strings.Contains(err.Error(), "NOT_RUN")) {
		t.Fatalf("kind %s: %v", kind, err)
	}
}

// answering is a server that answers /N with status N and the text, which stands in a
// header, too.
func answering(t *testing.T, text string) (url string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/"+text[:8<<10])
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(map[string]int{"/200": 200, "/201": 201, "/400": 400}[r.URL.Path])
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// talkative starts a stand-alone engine that may do all, and one in this program.
func talkative(t *testing.T, s *System, text string) (stop func()) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	a, err := standalone.New(standalone.Config{
		Engine: engine.Config{ID: "alone", Logger: quiet, Grace: -1}, Allow: []string{"sh"}, HTTPAllow: loopback,
	}, standalone.Deps{Cluster: s.Cluster()})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Config{Brokers: s.Brokers(), ID: ownProgram, Logger: quiet, Grace: -1})
	if err != nil {
		t.Fatal(err)
	}
	e.Handle(ownProgram, func(ctx context.Context, task *engine.Task) ([]byte, error) {
		switch strings.Trim(string(task.Payload), `"`) {
		case "error":
			return nil, engine.Final(errors.New(text))
		case "code":
			return nil, engine.Final(engine.Fail(text, errors.New("of a long code")))
		case "type":
			task.ResultType = text
		case "output":
			return nil, errors.Join(task.Output(ctx, engine.Stdout, []byte(text)), task.Output(ctx, engine.Stderr, []byte(text)))
		}
		return events.Cut([]byte(text), events.MaxPayloadBytes), nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- a.Run(ctx) }()
	go func() { ended <- e.Run(ctx) }()
	<-a.Ready()
	<-e.Ready()
	return func() {
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil {
			t.Error(err)
		}
	}
}

// nothingIsTorn reads the events of all tasks, and gives the length of the longest of
// each type.
func nothingIsTorn(t *testing.T, s *System, topic string) map[events.Type]int {
	t.Helper()
	longest := map[events.Type]int{}
	q := query.New(query.Config{Logs: s.Cluster()})
	partition := events.PoolPartition(events.DefaultPool)
	err := q.Tail(t.Context(), query.TailConfig{Topic: topic, Partitions: []int32{partition}}, func(r query.TailRecord) error {
		env, m, err := events.Decode(r.Record)
		if err != nil {
			return err
		}
		longest[env.Type] = max(longest[env.Type], proto.Size(m))
		for _, text := range textsOf(m) {
			if text = strings.TrimSpace(text); !utf8.ValidString(text) || strings.Contains(text, "\uFFFD") || strings.Contains(text, `\ufffd`) {
				t.Errorf("%s@%d has a torn character: it ends in %q", env.Type, r.Record.Offset, text[max(0, len(text)-20):])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return longest
}

// textsOf are the texts of an event, and what of its bytes is to be text.
func textsOf(m proto.Message) (out []string) {
	switch m := m.(type) {
	case *events.TaskSucceeded:
		out = append(out, string(m.Result), m.ResultType)
	case *events.TaskProgressed:
		out = append(out, string(m.Data), m.DataType)
	}
	if e, ok := m.(interface{ GetError() *events.TaskError }); ok {
		out = append(out, e.GetError().GetCode(), e.GetError().GetMessage())
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}
