package trouble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// scene is a board in virtual time, and what its logger was told.
type scene struct {
	*Board
	t   *testing.T
	log *ledger
}

// ledger is what was told since it was last asked.
type ledger struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *ledger) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *ledger) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

func play(t *testing.T, story func(s *scene)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, log: &ledger{}}
		s.Board = NewBoard(slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		})))
		story(s)
	})
}

// after lets time pass and compares what was told meanwhile, each line by a part of it.
func (s *scene) after(d time.Duration, want ...string) {
	s.t.Helper()
	time.Sleep(d) //nolint:forbidigo // The time is virtual.
	synctest.Wait()
	lines := strings.Split(strings.TrimSpace(s.log.take()), "\n")
	if lines[0] == "" {
		lines = nil
	}
	ok := len(lines) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = strings.Contains(lines[i], want[i])
	}
	if !ok {
		s.t.Errorf("after %v it told %q; want %q", d, lines, want)
	}
}

func (s *scene) inTheWay(want string) {
	s.t.Helper()
	switch err := s.Err(); {
	case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		s.t.Errorf("in the way is %v; want %q", err, want)
	}
}

var errGone = errors.New("connection refused")

func TestWhatAMomentMendsIsNotTold(t *testing.T) {
	play(t, func(s *scene) {
		try := s.New("read t/3")
		try.Failed(errGone)
		s.after(Patience / 2)
		try.Passed()
		s.after(Every)
		s.inTheWay("")
	})
}

func TestWhatLastsIsToldAndToldAgainAndThatItPassed(t *testing.T) {
	play(t, func(s *scene) {
		try := s.New("read t/3")
		try.Failed(errGone)
		s.after(Patience+time.Millisecond, `level=WARN msg="trying again" doing="read t/3" error="connection refused"`)
		s.inTheWay("read t/3, for 1s: connection refused")
		for range 20 { // The attempts do not set the pace.
			try.Failed(errGone)
		}
		s.after(Every - time.Second)
		s.after(time.Second, `msg="trying again"`)
		try.Passed()
		s.after(0, `level=INFO msg="it goes on again" after=31s`)
		s.inTheWay("")
		s.after(2 * Every)
	})
}

// One broker that is gone holds up all partitions: that is one reason.
func TestOneReasonIsToldOnceForAll(t *testing.T) {
	play(t, func(s *scene) {
		var tries []*Try
		for i := range 16 {
			try := s.New(fmt.Sprintf("read t/%d", i))
			try.Failed(fmt.Errorf("read t/%d: dial from port %d: %w", i, 40_000+i, errGone))
			tries = append(tries, try)
		}
		s.after(Patience+time.Millisecond, "connection refused")
		s.inTheWay("(and 15 more)")
		s.after(Every, "others=15")
		for _, try := range tries[1:] {
			try.Passed()
		}
		s.after(0)
		s.inTheWay("connection refused")
		tries[0].Passed()
		s.after(0, "it goes on again")
	})
}

type denied struct{ right string }

func (d denied) Error() string { return "lacks the right " + d.right }
func (denied) Denied() bool    { return true }

// A right that is missing is not mended by a moment, and each is a reason of its own.
func TestWhatIsDeniedIsToldAtOnce(t *testing.T) {
	play(t, func(s *scene) {
		one, other := s.New("read t/3"), s.New("read u/3")
		one.Failed(denied{"Read on t"})
		s.after(0, "level=ERROR")
		other.Failed(denied{"Read on u"})
		s.after(0, "Read on u")
		s.inTheWay("Read on t")
		s.after(Every, "Read on", "Read on")
		one.End()
		other.End()
		s.after(0)
		s.inTheWay("")
	})
}

// What is denied is what is in the way, also if something else has lasted for longer.
func TestWhatIsDeniedIsToldBeforeAllElse(t *testing.T) {
	play(t, func(s *scene) {
		one, other, third := s.New("read t/3"), s.New("read u/3"), s.New("read v/3")
		one.Failed(errGone)
		s.after(2*Patience, "connection refused")
		third.Failed(denied{"Read on v"})
		other.Failed(denied{"Read on u"})
		s.after(0, "Read on v", "Read on u")
		s.inTheWay("Read on v (and 2 more)")
		third.End()
		s.inTheWay("Read on u (and 1 more)")
		other.End()
		s.inTheWay("connection refused")
		one.End()
	})
}

// What hangs gives no error; it is told of all the same.
func TestNoAnswerIsTold(t *testing.T) {
	play(t, func(s *scene) {
		try := s.Begin(func() string { return "read t/3" }, 500*time.Millisecond)
		s.after(Patience)
		s.after(500*time.Millisecond, "there is no answer yet")
		try.Failed(errGone) // Another reason is news.
		s.after(0, "connection refused")
		try.End()
		s.after(2 * Every)
	})
}

// An error that comes early is told of early, however long an answer may take.
func TestAnErrorEndsTheWaitForAnAnswer(t *testing.T) {
	play(t, func(s *scene) {
		try := s.Begin(func() string { return "join g" }, 20*time.Second)
		try.Failed(errGone)
		s.after(Patience+time.Millisecond, "connection refused")
		try.End()
	})
}

func TestAgainEndsWithItsContext(t *testing.T) {
	play(t, func(s *scene) {
		ctx, cancel := context.WithCancel(context.Background())
		try := s.New("read t/3")
		if !try.Again(ctx, errGone, time.Second) {
			t.Error("the pause ended before its time")
		}
		cancel()
		if try.Again(ctx, errGone, time.Hour) {
			t.Error("the pause outlived its context")
		}
		try.End()
	})
}

// gaveUp is an error of what was tried for a while.
type gaveUp struct{ error }

func (gaveUp) Unavailable() bool { return true }

func (g gaveUp) Unwrap() error { return g.error }

// What begins is begun anew for as long as nothing answers; what time does not mend ends it.
func TestUntilGoesOnThroughAnOutage(t *testing.T) {
	play(t, func(s *scene) {
		answers := make(chan error, 1)
		tries, ended := 0, make(chan error, 1)
		go func() {
			ended <- s.Until(s.t.Context(), "begin", func() error { tries++; return <-answers })
		}()
		s.after(10 * time.Minute) // f tells of its own waiting.
		answers <- fmt.Errorf("create the topics: %w", gaveUp{errGone})
		s.after(0, `msg="trying again" doing=begin error="create the topics: connection refused" for=10m0s`)
		s.inTheWay("begin, for 10m0s: create the topics")
		s.after(beginAgain)
		answers <- nil
		s.after(0, `msg="it goes on again"`)
		s.inTheWay("")
		if err := <-ended; err != nil || tries != 2 {
			t.Errorf("it was tried %d times and ended with %v", tries, err)
		}
		wrong := errors.New("the topic has too few partitions")
		if err := s.Until(s.t.Context(), "begin", func() error { return wrong }); !errors.Is(err, wrong) {
			t.Errorf("it ended with %v, want %v", err, wrong)
		}
		ctx, stop := context.WithCancel(s.t.Context())
		stop()
		if err := s.Until(ctx, "begin", func() error { return gaveUp{errGone} }); !errors.Is(err, errGone) {
			t.Errorf("it ended with %v, want %v", err, errGone)
		}
	})
}
