package chaos_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/e2e/chaos"
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

var topics = events.Topics{Prefix: events.DefaultPrefix}

// log is a partition 0 of tasks.events, as an owner in its first epoch writes it.
type log struct {
	t       *testing.T
	records []events.Record
	history uint64
	n       int
}

func newLog(t *testing.T) *log {
	l := &log{t: t}
	l.batch("", &events.LogClaimed{ClaimId: make([]byte, 16)})
	return l
}

// batch appends a batch that was decided from inputs up to there.
func (l *log) batch(inputs string, all ...proto.Message) {
	l.t.Helper()
	records := make([]events.Record, len(all))
	for i, m := range all {
		r, err := events.Encoder{Source: "/test"}.Encode(fmt.Sprintf("%s/0/1/%d", topics.Events(), l.n), m)
		if err != nil {
			l.t.Fatal(err)
		}
		l.n++
		r.Offset = int64(len(l.records) + i)
		records[i] = r
	}
	if inputs != "" {
		records[0].Headers = append(records[0].Headers, events.Header{Key: events.HeaderInputs, Value: []byte(inputs)})
	}
	head := make([]byte, 32)
	binary.BigEndian.PutUint64(head, uint64(len(l.records)))
	binary.BigEndian.PutUint64(head[8:], l.history)
	l.history = chain.Hash(l.history, records)
	binary.BigEndian.PutUint64(head[16:], l.history)
	binary.BigEndian.PutUint32(head[24:], 1)
	binary.BigEndian.PutUint32(head[28:], uint32(len(records)))
	records[0].Headers = append(records[0].Headers, events.Header{Key: events.HeaderLog, Value: head})
	l.records = append(l.records, records...)
}

func accepted(id string) proto.Message {
	return &events.TaskAccepted{Task: &events.Task{Id: id, Pool: "default", Kind: "noop"}}
}

func read(next int64) string { return fmt.Sprintf("other/0@7,%s/0@%d", topics.Requests(), next) }

func source(offset int64) *events.Source {
	return &events.Source{Topic: topics.Requests(), Offset: offset}
}

// The recount agrees with a log that decides everything, and finds everything that one
// does not decide, or decides twice.
func TestRecount(t *testing.T) {
	for _, test := range []struct {
		name  string
		asked []string // tasks, at offsets 0, 1, …
		write func(l *log)
		want  []string
	}{
		{"all is decided", []string{"a", "b", "a", "", "c"}, func(l *log) {
			l.batch(read(2), accepted("a"), accepted("b"))
			l.batch(read(4), &events.TaskRepeated{TaskId: "a"}, &events.TaskRejected{Source: source(3)})
			l.batch(read(5), &events.TaskRejected{TaskId: "c", Source: source(4)}, &events.TaskSucceeded{TaskId: "a"})
		}, nil},
		{"one is passed over", []string{"a", "b", "c"}, func(l *log) { l.batch(read(3), accepted("a"), accepted("c")) }, []string{`@1 (task "b")`}},
		{"one of two alike is passed over", []string{"a", "a"}, func(l *log) { l.batch(read(2), accepted("a")) }, []string{`@1 (task "a")`}},
		{"it is decided by a batch that had not read it", []string{"a", "b"}, func(l *log) {
			l.batch(read(1), accepted("a"), accepted("b"))
			l.batch(read(2), &events.LogPublished{})
		}, []string{`@1 (task "b")`}},
		{"one is not read", []string{"a", "b"}, func(l *log) { l.batch(read(1), accepted("a")) }, []string{`@1 (task "b") was acknowledged, and is not read`}},
		{"one is refused at another place", []string{""}, func(l *log) { l.batch(read(1), &events.TaskRejected{Source: source(7)}) }, []string{`@0 (task "")`}},
		{"one ends twice", []string{"a"}, func(l *log) {
			l.batch(read(1), accepted("a"), &events.TaskFailed{TaskId: "a"}, &events.TaskSucceeded{TaskId: "a"})
		}, []string{`"a" was accepted 1 times and ended 2 times`}},
		{"one is accepted twice", []string{"a"}, func(l *log) { l.batch(read(1), accepted("a"), accepted("a")) }, []string{`"a" was accepted 2 times`}},
		{"one is forwarded and lost", []string{"a"}, func(l *log) { l.batch(read(1), &events.TaskForwarded{TaskId: "a", Source: source(0)}) }, []string{`"a" was forwarded`}},
		{"what decides it does not count", []string{"a"}, func(l *log) {
			l.batch(read(1), accepted("a"))
			for i := 1; i < len(l.records); i++ {
				l.records[i].Headers = l.records[i].Headers[:0]
			}
		}, []string{`@0 (task "a") was acknowledged, and is not read`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, l := chaos.NewRecount(topics), newLog(t)
			for offset, id := range test.asked {
				r.Acknowledged(0, int64(offset), id)
			}
			test.write(l)
			r.Feed(0, &events.Page{Records: l.records, Next: int64(len(l.records))})
			found := r.Findings()
			if len(found) != len(test.want) {
				t.Fatalf("%d findings, want %d: %q", len(found), len(test.want), found)
			}
			for i, want := range test.want {
				if !strings.Contains(found[i], want) {
					t.Errorf("found %s, want %s", found[i], want)
				}
			}
		})
	}
}
