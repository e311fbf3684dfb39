package kafka

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// An operation that needs no topic asks for none, whatever its error is.
func TestNoTopicIsNotAskedFor(t *testing.T) {
	dialed := 0
	c := New(Config{Brokers: []string{"broker:9092"}, Dial: func(context.Context, string, string) (net.Conn, error) {
		dialed++
		return nil, errors.New("away")
	}})
	defer c.Close()
	for _, topic := range []string{"", "t"} {
		if err := c.hidden(t.Context(), topic); err != nil {
			t.Errorf("%q: %v", topic, err)
		}
		if want := len(topic); dialed != want {
			t.Errorf("%q: %d connections, want %d", topic, dialed, want)
		}
	}
}

// A topic that stays hidden is asked for less and less often, and not in step with others.
func TestWhatIsHiddenIsAskedForLessAndLessOften(t *testing.T) {
	now := time.Now()
	var a asked
	for _, seconds := range []float64{1, 2, 4, 8, 16, 30, 30} {
		a = a.next(true, now)
		rest, most := a.again.Sub(now), time.Duration(seconds*1e9)
		if least := most * 3 / 4; rest < least || rest > most || a.err == nil {
			t.Errorf("it rests for %v with the error %v, want %v to %v with an error", rest, a.err, least, most)
		}
		now = a.again
	}
	if a = a.next(false, now); a.err != nil || a.again.Sub(now) != askAgain {
		t.Errorf("once it is not hidden it rests for %v with the error %v", a.again.Sub(now), a.err)
	}
	if a = a.next(true, now); a.again.Sub(now) > askAgain {
		t.Errorf("hidden anew it rests for %v", a.again.Sub(now))
	}
}

// Where no way is known and the brokers refuse connections, that is the reason: what is known
// may be from before. What a broker says itself stays, and so does the error once a connection
// was opened, or none was tried for long.
func TestARefusalIsWhyNoWayIsKnown(t *testing.T) {
	c := New(Config{Brokers: []string{"127.0.0.1:1"}, Security: Security{Allowed: func(string) bool { return false }}})
	defer c.Close()
	noLeader, now := protocol.NewErrNoLeader("t", 0), time.Now()
	if err := c.because(t.Context(), needs{}, noLeader); !errors.Is(err, noLeader) || IsDenied(err) {
		t.Errorf("with no refusal it is %v", err)
	}
	if _, err := c.dial(t.Context(), "tcp", "127.0.0.1:2"); !IsDenied(err) {
		t.Fatal(err)
	}
	if err := c.because(t.Context(), needs{}, noLeader); !IsDenied(err) {
		t.Errorf("after a refusal it is %v", err)
	}
	if err := c.because(t.Context(), needs{}, net.ErrClosed); IsDenied(err) {
		t.Errorf("of a connection that ended it says %v", err)
	}
	if err := c.refused(now.Add(time.Hour)); err != nil {
		t.Errorf("an hour later it is refused: %v", err)
	}
}
