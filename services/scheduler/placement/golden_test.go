package placement

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// golden is a log that an earlier release wrote, with what its command line
// showed of it: tasks, engines, and why tasks wait. Each line of those says at
// which offset it was so.
type golden struct {
	t         *testing.T
	name      string
	partition int32
	events    []events.Logged
	// batches are the offsets at which batches begin.
	batches []int64
}

const goldenTopic = "spanway.tasks.events"

func goldenLogs(t *testing.T, do func(t *testing.T, g *golden)) {
	files, err := filepath.Glob("testdata/golden/*.log")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d golden logs, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".log")
		t.Run(name, func(t *testing.T) {
			g := &golden{t: t, name: name, partition: events.PoolPartition(events.DefaultPool)}
			g.read(file)
			do(t, g)
		})
	}
}

// read has the log judged as every reader does.
func (g *golden) read(file string) {
	records := readRecords(g.t, file)
	log := memlog.New()
	if _, err := log.Append(context.Background(), records); err != nil {
		g.t.Fatal(err)
	}
	for i := range records {
		if records[i].Offset != int64(i) {
			g.t.Fatalf("record %d of %s has offset %d", i, file, records[i].Offset)
		}
		if _, ok := records[i].Header(events.HeaderLog); ok {
			g.batches = append(g.batches, int64(i))
		}
	}
	r := eventlog.NewReader(log, goldenTopic, g.partition)
	r.OnSkip = func(why eventlog.Skip, skipped []events.Record) {
		g.t.Errorf("%d records at %d do not count: %v", len(skipped), skipped[0].Offset, why)
	}
	if err := r.Barrier(context.Background(), func(l events.Logged, _ *events.Record) {
		if l.Message == nil {
			g.t.Errorf("the event at %d, a %s, cannot be read", l.Offset, l.Type)
		}
		g.events = append(g.events, l)
	}); err != nil {
		g.t.Fatal(err)
	}
}

// readRecords reads lines: "record OFFSET", then its headers as "  KEY: VALUE",
// quoted or in base64, and its value as "  = BASE64".
func readRecords(t *testing.T, file string) (records []events.Record) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decode := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatalf("%s: %q: %v", file, s, err)
		}
		return b
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if offset, ok := strings.CutPrefix(line, "record "); ok {
			n, err := strconv.ParseInt(offset, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, events.Record{Offset: n})
			continue
		}
		r := &records[len(records)-1]
		if value, ok := strings.CutPrefix(line, "  = "); ok {
			r.Value = decode(value)
			continue
		}
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		b64, binary := strings.CutPrefix(value, "base64:")
		h := events.Header{Key: key}
		if binary {
			h.Value = decode(b64)
		} else if plain, err := strconv.Unquote(value); err == nil {
			h.Value = []byte(plain)
		} else {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		r.Headers = append(r.Headers, h)
	}
	return records
}

// fold folds what stands below an offset.
func (g *golden) fold(s *State, from, to int64) *State {
	for _, l := range g.events {
		if l.Offset >= from && l.Offset < to {
			l.Message = proto.Clone(l.Message)
			s.Apply(l)
		}
	}
	return s
}

func (g *golden) config() Config {
	return Config{Partition: g.partition, KeepSucceeded: true}
}

func (g *golden) end() int64 { return g.events[len(g.events)-1].Offset + 1 }

// lines gives what the earlier release showed, and the state as of then.
func (g *golden) lines(kind string, do func(s *State, line map[string]any)) {
	text, err := os.ReadFile(filepath.Join("testdata/golden", g.name+"."+kind+".ndjson"))
	if err != nil {
		g.t.Fatal(err)
	}
	states := make(map[string]*State)
	n := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); n++ {
		var line map[string]any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			g.t.Fatal(err)
		}
		asOf := line["as_of"].(string)
		if states[asOf] == nil {
			_, at, _ := strings.Cut(asOf, "@")
			offset, err := strconv.ParseInt(at, 10, 64)
			if err != nil {
				g.t.Fatal(err)
			}
			states[asOf] = g.fold(New(g.config()), 0, offset)
		}
		delete(line, "as_of")
		do(states[asOf], line)
	}
	if n == 0 {
		g.t.Fatalf("no %s", kind)
	}
}

// differs names what of want is otherwise in got, which may have more.
func differs(path string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok {
			return path
		}
		for k := range w {
			if d := differs(path+"."+k, w[k], m[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		l, ok := got.([]any)
		if !ok || len(l) != len(w) {
			return path
		}
		for i := range w {
			if d := differs(path+"["+strconv.Itoa(i)+"]", w[i], l[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, got) {
		return path
	}
	return ""
}

// generic is v as a reader of its JSON sees it.
func generic(t *testing.T, v any) map[string]any {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// rfc3339 is a time as the command line shows it.
func rfc3339(ms int64) any {
	if ms == 0 {
		return nil
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// TestGoldenLogs: what earlier releases wrote folds today as they folded it.
func TestGoldenLogs(t *testing.T) {
	goldenLogs(t, func(t *testing.T, g *golden) {
		g.lines("tasks", func(s *State, line map[string]any) {
			id := line["id"].(string)
			v, ok := s.Task(events.Pool(line["pool"].(string)), events.TaskID(id))
			got := generic(t, v)
			got["replay_of"], got["accepted_at"], got["assigned_at"], got["ended_at"] = got["replayOf"],
				rfc3339(v.AcceptedMs), rfc3339(v.AssignedMs), rfc3339(v.EndedMs)
			if v.Code != "" {
				got["error"] = map[string]any{"code": v.Code, "message": v.Message}
			}
			got["reason"], got["result_type"] = v.Message, got["resultType"]
			delete(line, "started_at") // Nobody decides by it.
			if v.State == "expired" {
				delete(line, "reason")
			}
			if v.State == "pending" { // It showed the last attempt, and this the next.
				delete(line, "attempt")
			}
			if d := differs(id, line, got); !ok || d != "" {
				t.Errorf("%s is not as it was: folded\n%v\nthen\n%v", d, got, line)
			}
		})
		g.lines("engines", func(s *State, line map[string]any) {
			for v := range s.Engines(events.Pool(line["pool"].(string))) {
				if v.ID != line["id"] {
					continue
				}
				got := generic(t, v)
				reserved := map[string]any{}
				for d, n := range v.Allocatable {
					if used := n - v.Free[d]; used > 0 {
						reserved[d] = float64(used)
					}
				}
				got["reserved"], got["running"] = reserved, float64(v.Attempts)
				got["registered_at"], got["changed_at"] = rfc3339(v.RegisteredMs), rfc3339(v.ChangedMs)
				if len(v.Labels) == 0 {
					got["labels"] = map[string]any{}
				}
				if d := differs(v.ID, line, got); d != "" {
					t.Errorf("%s is not as it was: folded\n%v\nthen\n%v", d, got, line)
				}
				return
			}
			t.Errorf("there is no engine %v", line["id"])
		})
		g.lines("why", func(s *State, line map[string]any) {
			id := line["task"].(string)
			x, ok := s.Explain(events.Pool(line["pool"].(string)), events.TaskID(id), 0)
			delete(line, "for_ms") // It was asked later.
			if d := differs(id, line, generic(t, x)); !ok || d != "" {
				t.Errorf("%s is not as it was: folded\n%+v\nthen\n%v", d, x, line)
			}
		})
	})
}

// TestGoldenSnapshots: a snapshot at a boundary of batches and the rest of the
// log make the state that the whole log makes.
func TestGoldenSnapshots(t *testing.T) {
	goldenLogs(t, func(t *testing.T, g *golden) {
		whole := g.fold(New(g.config()), 0, g.end())
		for i := 0; i < len(g.batches); i += 10 {
			s := restored(t, g.fold(New(g.config()), 0, g.batches[i]))
			if g.fold(s, g.batches[i], g.end()); s.Hash() != whole.Hash() {
				t.Errorf("from a snapshot at %d the hash is %x, of the whole log %x", g.batches[i], s.Hash(), whole.Hash())
			}
		}
	})
}

// TestGoldenLogsGoOn: the next owner raises the fold version of an old log, and
// its payloads are found where the older release put them.
func TestGoldenLogsGoOn(t *testing.T) {
	goldenLogs(t, func(t *testing.T, g *golden) {
		s := restored(t, g.fold(New(g.config()), 0, g.end()))
		replica := g.fold(New(g.config()), 0, g.end())
		if s.FoldVersion() != foldFirst {
			t.Fatalf("the fold version is %d", s.FoldVersion())
		}
		p := s.pools[events.DefaultPool]
		with := 0
		for t0 := p.first; t0 != nil; t0 = t0.next {
			if t0.payloadLen == 0 {
				continue
			}
			with++
			m := g.events[t0.payloadAt].Message.(*events.TaskAccepted)
			if m.Task.Id != t0.id || len(m.Task.Payload) != int(t0.payloadLen) {
				t.Errorf("at %d stands %v, which is not the request of %s", t0.payloadAt, m, t0.id)
			}
		}
		if with == 0 || s.Floor() != 0 { // Nothing may be deleted before the raise.
			t.Errorf("%d tasks have payloads, the floor is %d", with, s.Floor())
		}
		var emitted []events.Type
		offset := g.end()
		emit := func(m proto.Message) {
			l := events.Logged{Offset: offset, Epoch: 9, N: uint32(len(emitted)), Type: events.TypeOf(m), Message: m}
			emitted = append(emitted, l.Type)
			offset++
			s.Apply(l)
			l.Message = proto.Clone(m)
			replica.Apply(l)
		}
		clock := events.Clock{Now: s.newest + 60_000, ReadTo: s.newest + 60_000}
		for s.Advance(clock, emit) {
		}
		if len(emitted) == 0 || emitted[0] != events.TypeLogFoldVersionRaised || s.FoldVersion() != foldWhole {
			t.Errorf("the fold version is %d after %v", s.FoldVersion(), emitted)
		}
		if a, b := s.Hash(), replica.Hash(); a != b {
			t.Errorf("the hash is %x, that of one that only folds %x", a, b)
		}
	})
}
