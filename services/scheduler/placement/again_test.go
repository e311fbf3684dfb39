package placement

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// What is read again behind a lost tail may have been decided: only what changes nothing
// when it is decided twice is decided.
func TestWhatIsReadAgain(t *testing.T) {
	for _, c := range []struct {
		m    proto.Message
		want events.Type
		code events.Code
	}{
		{&events.TaskRequested{TaskId: "known", Pool: string(blue), Kind: "k"}, events.TypeTaskRepeated, ""},
		{&events.TaskRequested{TaskId: "new", Pool: string(blue), Kind: "k"}, events.TypeTaskAccepted, ""},
		{&events.TaskRequested{Pool: string(blue), Kind: "k", ReplayOf: "ended"}, events.TypeTaskRejected, events.CodeMaybeDecided},
		{&events.TaskCancelRequested{TaskId: "known", Pool: string(blue)}, events.TypeTaskCancelled, ""},
		{&events.TaskCancelRequested{Pool: string(blue), Filter: &events.TaskFilter{}}, events.TypeTaskRejected, events.CodeMaybeDecided},
		{&events.TaskRetryRequested{TaskId: "ended", Pool: string(blue)}, events.TypeTaskRejected, events.CodeMaybeDecided},
	} {
		w := newWorld(t, Config{})
		w.submit("known", "")
		rec, err := events.Encoder{Source: "/t"}.Encode("x", c.m)
		if err != nil {
			t.Fatal(err)
		}
		topic := w.cfg.Topics.Requests()
		prep := w.prep.Prepare(topic, w.cfg.Partition, &rec)
		w.decide(func(s *State, emit func(proto.Message)) {
			s.Decide(events.Input[*Prepared]{Place: events.Place{Topic: topic}, Value: prep, Again: true}, w.clock(), emit)
		})
		last := w.log[len(w.log)-1]
		if last.Type != c.want {
			t.Errorf("%v became %s, want %s", c.m, last.Type, c.want)
		}
		if r, ok := last.Message.(*events.TaskRejected); ok && r.Code != string(c.code) {
			t.Errorf("%v was refused with %s: %s", c.m, r.Code, r.Message)
		}
	}
}
