package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

// slow is a transport that answers when it is told to.
type slow struct {
	transport
	sent chan sent
}

type sent struct {
	message proto.Message
	done    func(int64, error)
}

func (s *slow) Send(_ context.Context, r events.Record, done func(int64, error)) {
	_, m, err := events.Decode(&r)
	if err != nil {
		m = nil
	}
	s.sent <- sent{m, done}
}

func (s *slow) Flush(context.Context) error { return nil }

// A result that the broker refuses is replaced behind heartbeats that were
// already sent. They must name the attempt, or it counts as never received.
func TestHeartbeatsNameAttemptsWhoseEndIsNotSettled(t *testing.T) {
	to := &slow{sent: make(chan sent, 16)}
	s := newSender(to, events.Encoder{Source: "/test"}, &Engine{config: Config{Pool: "blue"}}, newInbox(), slog.New(slog.DiscardHandler))
	t.Cleanup(func() { s.close(); <-s.done })
	send := func(id string, m proto.Message) sent {
		s.send(lease.Report{ID: id, Message: m}, t.Context())
		return await(t, "the report "+id, to.sent)
	}
	beat := func(want ...uint64) {
		t.Helper()
		b := send("b", &events.EngineHeartbeat{EngineId: "e1", Pool: "blue", Incarnation: "i1", Running: []uint64{7}})
		b.done(0, nil)
		if got := b.message.(*events.EngineHeartbeat).Running; !slices.Equal(got, want) {
			t.Errorf("the heartbeat names %v, want %v", got, want)
		}
	}
	end := func(token uint64) sent {
		return send("f", &events.AttemptFinished{
			TaskId: "t", EngineId: "e1", Pool: "blue", Incarnation: "i1", Attempt: 1, Token: token,
			Outcome: events.AttemptFinished_SUCCEEDED, Result: []byte("large"),
		})
	}
	five, nine := end(5), end(9)
	beat(5, 7, 9)
	nine.done(0, nil)
	five.done(0, tooLarge{errors.New("the record is too large")})
	instead := await(t, "the report that replaces the refused one", to.sent)
	if f := instead.message.(*events.AttemptFinished); f.Token != 5 || f.Error.GetCode() != codeResultRefused {
		t.Errorf("the refused report was replaced by %v", f)
	}
	beat(5, 7)
	instead.done(0, nil)
	beat(7)
}
