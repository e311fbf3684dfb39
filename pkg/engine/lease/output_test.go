package lease

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

func (s *script) write(token events.Token, stream, data string) {
	actions, held := s.h.Wrote(s.now, token, "text/x-"+stream, []byte(data))
	s.heard(actions)
	if !held {
		s.said = append(s.said, fmt.Sprintf("no output %d", token))
	}
}

// These scenes tell when output is reported: all of it, in order, four times a
// second at most.
func TestOutputScenes(t *testing.T) {
	for name, play := range map[string]func(t *testing.T){
		"what comes within a quarter of a second goes together": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.write(1, "stdout", "a\n")
			s.wait(249, true)
			s.write(1, "stdout", "b\n")
			s.says("start 1", "started 1")
			s.wait(1, true)
			s.says(`stdout 1 "a\nb\n"`)
			s.write(1, "stdout", "c\n")
			s.wait(249, true)
			s.says()
			s.wait(1, true)
			s.says(`stdout 1 "c\n"`)
		},
		"streams take turns": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.write(1, "stdout", "a\n")
			s.write(1, "stderr", "b\n")
			s.write(1, "stdout", "c\n")
			s.wait(250, true)
			s.write(1, "stdout", "d\n")
			s.wait(500, true)
			s.says("start 1", "started 1", `stdout 1 "a\nc\n"`, `stderr 1 "b\n"`, `stdout 1 "d\n"`)
		},
		"a line is not torn unless it keeps everybody waiting": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.write(1, "stdout", "whole\nha")
			s.wait(250, true)
			s.write(1, "stdout", "lf\n50%")
			s.wait(250, true)
			s.wait(250, true)
			s.says("start 1", "started 1", `stdout 1 "whole\n"`, `stdout 1 "half\n"`, `stdout 1 "50%"`)
		},
		"the end reports what is left before itself": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.write(1, "stdout", "a\nb")
			s.write(1, "stderr", "c")
			s.finish(1, succeeded)
			s.wait(1000, true)
			s.write(1, "stdout", "late")
			s.says("start 1", `stdout 1 "a\nb"`, `stderr 1 "c"`, "SUCCEEDED 1", "no output 1")
		},
		"a lost lease makes it void": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.write(1, "stdout", "a\n")
			s.read(lost("i1"))
			s.heard(s.h.Register(s.now, "i2", 0))
			s.wait(1500, true)
			s.says("start 1", "stop 1 lost", "register anew", "register i2 from 13", "register i2 from 13")
		},
		"what was taken back says nothing more": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.write(1, "stdout", "a\n")
			s.read(&events.TaskCancelled{TaskId: "t1", Pool: "blue", EngineId: "e1", Token: 1})
			s.wait(500, true)
			s.says("start 1", "stop 1 cancelled")
		},
	} {
		t.Run(name, play)
	}
}

// outputOf collects what a holder says was written, and checks the bounds.
func outputOf(t testing.TB, actions []Action, into map[string][]byte) (pieces int) {
	for _, a := range actions {
		if m, ok := a.Report.Message.(*events.AttemptProgressed); ok {
			if len(m.Data) == 0 || len(m.Data) > outputPiece {
				t.Fatalf("a piece of %d bytes", len(m.Data))
			}
			into[m.DataType] = append(into[m.DataType], m.Data...)
			pieces++
		}
	}
	return pieces
}

func TestOutputIsBounded(t *testing.T) {
	s := ready(t)
	s.read(assign(1))
	line := strings.Repeat("x", 99) + "\n"
	for range 3000 {
		s.write(1, "stdout", line)
	}
	got := map[string][]byte{}
	for range 40 {
		s.now = s.h.Wake()
		actions := s.h.Tick(s.now)
		if n := outputOf(t, actions, got); n > 1 {
			t.Fatalf("%d pieces at once", n)
		}
		for _, a := range actions {
			if a.Report.Beat {
				s.h.Acked(a.Report.SentAt)
			}
		}
	}
	s.write(1, "stderr", "after the gap")
	actions := s.h.Finished(s.now, 1, Result{Outcome: succeeded})
	if n := outputOf(t, actions, got); n != 0 || len(actions) != 1 {
		t.Errorf("%d pieces and %d actions at the end, want the end alone", n, len(actions))
	}
	if out := got[events.ContentStdout]; !bytes.Equal(out, []byte(strings.Repeat(line, 3000))[:MaxOutputBytes]) {
		t.Errorf("%d bytes of output, want the first %d", len(out), MaxOutputBytes)
	}
	if string(got[events.ContentStderr]) != leftOut {
		t.Errorf("the note is %q, want it once", got[events.ContentStderr])
	}
}

// Whatever is written in whatever pieces, each stream arrives as it was, and no
// character is torn that need not be.
// TestOutputIsCutBetweenCharacters also where what it is written in ends within one,
// and where the bound is met by another stream.
func TestOutputIsCutBetweenCharacters(t *testing.T) {
	for _, first := range []string{"\xe2", strings.Repeat("x", MaxOutputBytes-1) + "\xe2", strings.Repeat("x", MaxOutputBytes-2) + "\xe2\x82"} {
		o := &output{}
		o.add(events.ContentStdout, []byte(first))
		if first == "\xe2" && o.pending(false) {
			t.Error("a beginning of a character does not wait for its rest")
		}
		o.add(events.ContentStderr, bytes.Repeat([]byte("y"), MaxOutputBytes))
		for o.pending(true) {
			if typ, data := o.piece(true); !utf8.Valid(data) {
				t.Errorf("a piece of %s ends in %q", typ, data[max(0, len(data)-4):])
			}
		}
	}
}

func TestOutputArrivesWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := ready(t)
		s.read(assign(1))
		wrote, got := map[string][]byte{}, map[string][]byte{}
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "write") {
				typ := rapid.SampledFrom([]string{events.ContentStdout, events.ContentStderr}).Draw(rt, "stream")
				text := strings.Repeat(rapid.StringOf(rapid.SampledFrom([]rune("ab\né€😀"))).Draw(rt, "text"), rapid.SampledFrom([]int{1, 1, 900}).Draw(rt, "times"))
				if len(wrote[events.ContentStdout])+len(wrote[events.ContentStderr])+len(text) > MaxOutputBytes {
					continue
				}
				wrote[typ] = append(wrote[typ], text...)
				if _, held := s.h.Wrote(s.now, 1, typ, []byte(text)); !held {
					rt.Fatal("not held")
				}
				continue
			}
			s.now = s.h.Wake()
			actions := s.h.Tick(s.now)
			for _, a := range actions {
				if m, ok := a.Report.Message.(*events.AttemptProgressed); ok && !utf8.Valid(m.Data) {
					rt.Fatalf("a torn character in %q", m.Data)
				}
				if a.Report.Beat {
					s.h.Acked(a.Report.SentAt)
				}
			}
			outputOf(t, actions, got)
		}
		outputOf(t, s.h.Finished(s.now, 1, Result{Outcome: succeeded}), got)
		for typ := range wrote {
			if !bytes.Equal(wrote[typ], got[typ]) {
				rt.Fatalf("%s: wrote %d bytes, %d arrived, or others", typ, len(wrote[typ]), len(got[typ]))
			}
		}
	})
}

func TestMeasuredUseIsInTheHeartbeat(t *testing.T) {
	s := ready(t)
	s.says()
	s.h.Observed(map[string]int64{"gpu": 1, "memory_bytes": 7, "slots": -1})
	beat := func() map[string]int64 {
		s.now = s.h.Wake()
		for _, a := range s.h.Tick(s.now) {
			if m, ok := a.Report.Message.(*events.EngineHeartbeat); ok {
				s.h.Acked(a.Report.SentAt)
				return m.Used
			}
		}
		t.Fatal("no heartbeat")
		return nil
	}
	if used := beat(); len(used) != 1 || used["gpu"] != 1 {
		t.Errorf("used is %v; want gpu alone, which the engine offers", used)
	}
	if used := beat(); used["gpu"] != 1 {
		t.Errorf("then it is %v, want the same", used)
	}
	if s.h.Observed(nil); len(beat()) != 0 {
		t.Error("what is not measured any more is still told")
	}
}
