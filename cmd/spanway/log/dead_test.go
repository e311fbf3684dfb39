package log

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// morgue is a system of which a test sees the dead letters.
type morgue struct {
	t      *testing.T
	broker string
	topics events.Topics
	k      *kafka.Client
}

func newMorgue(t *testing.T, s *run.System) *morgue {
	m := &morgue{t: t, broker: s.Brokers()[0], topics: events.Topics{Prefix: events.DefaultPrefix}, k: kafka.New(kafka.Config{Brokers: s.Brokers()})}
	t.Cleanup(m.k.Close)
	return m
}

// await waits until there are so many letters.
func (m *morgue) await(n int64) {
	m.t.Helper()
	for next := int64(0); next < n; {
		page, err := m.k.Partition(m.topics.DeadLetters(), 0).Fetch(m.t.Context(), next, 60e9)
		if err != nil || page.Next == next {
			m.t.Fatalf("waited for dead letter %d: %v", n-1, err)
		}
		next = page.Next
	}
}

// bury puts a letter on the topic, as a scheduler would.
func (m *morgue) bury(id string, letter proto.Message) (offset int64) {
	m.t.Helper()
	r, err := events.Encoder{Source: "/test"}.Encode(id, letter)
	if err == nil {
		offset, err = m.k.Partition(m.topics.DeadLetters(), 0).Append(m.t.Context(), []events.Record{r})
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return offset
}

// replay runs the command and returns what it says of each letter.
func (m *morgue) runReplay(wantCode int, args ...string) (map[int64]deadView, string) {
	m.t.Helper()
	out, stderr, code := program.Call(m.t.Context(), "", append([]string{"log", "dead", "--replay", "-o", "json", "--brokers", m.broker}, args...)...)
	if code != wantCode {
		m.t.Errorf("log dead --replay %v ends with %d, want %d: %s", args, code, wantCode, stderr)
	}
	views := map[int64]deadView{}
	for line := range strings.Lines(out) {
		var v deadView
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			m.t.Fatalf("%q: %v", line, err)
		}
		views[v.Offset] = v
	}
	return views, stderr
}

func (m *morgue) call(wantCode int, args ...string) string {
	m.t.Helper()
	out, stderr, code := program.Call(m.t.Context(), "", append(args[:len(args):len(args)], "--brokers", m.broker)...)
	if code != wantCode {
		m.t.Fatalf("%v ends with %d: %s", args, code, stderr)
	}
	return out
}

func TestDeadTasksAreReplayed(t *testing.T) {
	m := newMorgue(t, clitest.Start(t, 1))
	m.call(cli.ExitTaskFailed, "task", "submit", "-k", "exec", "--payload", `{"command":["false"]}`, "--id", "no", "--retries", "0", "--wait")
	m.await(1)
	if v, _ := m.runReplay(cli.ExitDone, "--all", "--dry-run"); len(v) != 1 || v[0].ReplayedAs != "no.rN" || !v[0].DryRun {
		t.Errorf("a dry run says %+v", v)
	}
	if v, _ := m.runReplay(cli.ExitDone, "--all", "--code", "OTHER"); len(v) != 0 {
		t.Errorf("those of another code: %+v", v)
	}
	if v, _ := m.runReplay(cli.ExitDone, "--all", "--since", "2100-01-01T00:00:00Z"); len(v) != 0 {
		t.Errorf("those of the next century: %+v", v)
	}
	if v, _ := m.runReplay(cli.ExitDone, "--offset", "0", "--code", "EXIT_1", "--since", "1h"); v[0].ReplayedAs != "no.r1" {
		t.Errorf("replayed as %+v", v)
	}
	m.call(cli.ExitTaskFailed, "task", "watch", "no.r1")
	m.await(2)
	// Both letters are of one task, which one call submits once.
	v, stderr := m.runReplay(cli.ExitRefused, "--all")
	if v[0].ReplayedAs != "no.r2" || v[1].Refused == nil || v[1].Refused.Code != "REPLAYED" || !strings.Contains(stderr, "as no.r2") {
		t.Errorf("replayed as %+v: %s", v, stderr)
	}
	if _, stderr = m.runReplay(cli.ExitRefused, "--offset", "99"); !strings.Contains(stderr, "offset 99") {
		t.Errorf("one that is not there: %s", stderr)
	}
	if out := m.call(cli.ExitTaskFailed, "task", "watch", "no.r2", "-o", "json"); !strings.Contains(out, `"replayOf":"no"`) {
		t.Errorf("the replay is\n%s", out)
	}
}

// The scheduler has forgotten the task; the letter has a copy.
func TestDeadTasksAreReplayedFromTheirCopy(t *testing.T) {
	m := newMorgue(t, clitest.Start(t, 1))
	task := &events.Task{
		Id: "old.r4", ReplayOf: "old", Pool: "default", Kind: "exec", Payload: []byte(`{"command":["cat"],"stdin":"hello"}`), PayloadType: "application/json",
		Predicate: "engine.id != 'x'", Needs: map[string]int64{"slots": 2}, Priority: 7, Tenant: "acme",
		Retry: &events.RetryPolicy{MaxAttempts: 1, InitialBackoffMs: 10, MaxBackoffMs: 20, Multiplier: 3, FinalErrors: []string{"X"}},
	}
	at := m.bury("1", &events.TaskDeadLettered{TaskId: "old.r4", Pool: "default", Attempts: 1, Task: task})
	m.bury("2", &events.TaskDeadLettered{TaskId: "empty", Pool: "default", Attempts: 1})
	m.bury("1", &events.TaskDeadLettered{TaskId: "old.r4", Pool: "default", Attempts: 1, Task: task}) // a copy, by the next owner
	v, stderr := m.runReplay(cli.ExitRefused, "--all")
	if len(v) != 2 || v[at].ReplayedAs != "old.r1" || v[at+1].Refused == nil || v[at+1].Refused.Code != string(client.CodeNoCopy) || !strings.Contains(stderr, `"empty"`) {
		t.Fatalf("replayed as %+v: %s", v, stderr)
	}
	m.call(cli.ExitDone, "task", "watch", "old.r1")
	site, err := cluster.Open(cluster.Config{Brokers: []string{m.broker}})
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	s, l, err := query.New(query.Config{Logs: site}).Task(t.Context(), "", "old.r1")
	if err != nil {
		t.Fatal(err)
	}
	task.Id = "old.r1"
	accepted, _ := l.History[0].Message.(*events.TaskAccepted)
	if got := accepted.GetTask(); !proto.Equal(got, task) || string(s.Result) != "hello" {
		t.Errorf("the replay is\n%v, want\n%v; its result %q", got, task, s.Result)
	}
}

func TestDeadRecordsAreReplayed(t *testing.T) {
	m := newMorgue(t, clitest.Start(t, 1))
	at := events.PoolPartition(events.DefaultPool)
	other := (at + 1) % events.PoolPartitions
	request := func(json string) events.Record {
		return events.Record{Key: []byte("default"), Value: []byte(json), Headers: []events.Header{
			{Key: events.HeaderSpecVersion, Value: []byte("1.0")}, {Key: events.HeaderID, Value: []byte("7")}, {Key: events.HeaderSource, Value: []byte("/kcat")},
			{Key: events.HeaderType, Value: []byte(events.TypeTaskRequested)}, {Key: events.HeaderContentType, Value: []byte(events.ContentJSON)},
			{Key: "twice", Value: nil}, {Key: "twice", Value: []byte{}},
		}}
	}
	sent := func(topic string, p int32, r events.Record) int64 {
		t.Helper()
		offset, err := m.k.Partition(topic, p).Append(t.Context(), []events.Record{r})
		if err != nil {
			t.Fatal(err)
		}
		return offset
	}
	garbage := events.Record{Key: []byte("default"), Value: []byte("no envelope")}
	sent(m.topics.Requests(), at, garbage)
	m.await(1)
	huge := events.Record{Key: []byte("default"), Value: make([]byte, 100<<10)}
	sent(m.topics.Requests(), at, huge)
	m.await(2)
	wrong := request(`{"kind":"noop","replayOf":"gone"}`) // of no task, and not forwarded
	sent(m.topics.Requests(), other, wrong)
	m.await(3)

	v, stderr := m.runReplay(cli.ExitRefused, "--all")
	if !strings.HasPrefix(v[0].SentTo, fmt.Sprintf("%s/%d@", m.topics.Requests(), at)) || v[1].Refused == nil || v[1].Refused.Code != string(client.CodeTruncated) ||
		!strings.HasPrefix(v[2].SentTo, fmt.Sprintf("%s/%d@", m.topics.Requests(), at)) || !strings.Contains(stderr, "TRUNCATED") {
		t.Errorf("replayed as %+v: %s", v, stderr)
	}
	m.await(4) // The garbage is garbage still.
	m.call(cli.ExitDone, "task", "watch", "gone.r1")

	var place events.Place
	if _, err := fmt.Sscanf(v[2].SentTo[strings.LastIndex(v[2].SentTo, "@"):], "@%d", &place.Offset); err != nil {
		t.Fatal(err)
	}
	page, err := m.k.Partition(m.topics.Requests(), at).Fetch(t.Context(), place.Offset, 1e9)
	if err != nil || len(page.Records) == 0 {
		t.Fatal(err)
	}
	got := page.Records[0]
	if string(got.Key) != string(wrong.Key) || string(got.Value) != string(wrong.Value) || len(got.Headers) != len(wrong.Headers) {
		t.Errorf("sent again as %+v, was %+v", got, wrong)
	}
	// Nothing is sent to where nothing of the kind came from.
	evil := m.bury("3", &events.DeadLetter{Code: "X", Source: &events.Source{Topic: m.topics.Events()}, Raw: &events.RawRecord{Value: []byte("x")}})
	if v, _ := m.runReplay(cli.ExitRefused, "--offset", fmt.Sprint(evil)); v[evil].Refused == nil {
		t.Errorf("a letter sends to the log itself: %+v", v[evil])
	}
}

func TestReplayIsCalledRight(t *testing.T) {
	for _, args := range [][]string{{"--replay"}, {"--replay", "--all", "--offset", "1"}, {"--all"}, {"--offset", "1"}, {"--dry-run"}, {"--since", "yesterday"}} {
		if _, _, code := program.Call(t.Context(), "", append([]string{"log", "dead"}, args...)...); code != cli.ExitUsage {
			t.Errorf("log dead %v ends with %d", args, code)
		}
	}
}
