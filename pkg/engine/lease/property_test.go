package lease

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

// world plays arbitrary records, clocks and handlers against a holder and
// checks after every action that it kept its promises.
type world struct {
	s       *script
	life    int // number of the current incarnation
	started map[events.Token]string
	ended   map[events.Token]bool
	running map[events.Token]bool // as the caller sees it: started and not stopped
	uses    map[events.Token]bool // handlers that have not returned
	given   map[events.Token]given
	back    events.Token // whose handler returned just now
	beats   []int64
}

// given is what was assigned, to which life and in which event.
type given struct {
	life     string
	epoch, n uint32
}

func (w *world) name() string { return fmt.Sprintf("i%d", w.life) }

func (w *world) do(t *rapid.T, actions []Action) {
	anew := false
	for _, a := range actions {
		switch a.Verb {
		case Start:
			if life, twice := w.started[a.Token]; twice {
				t.Fatalf("token %d started under %s and again under %s", a.Token, life, w.name())
			}
			if w.ended[a.Token] {
				t.Fatalf("token %d started after its end", a.Token)
			}
			w.started[a.Token], w.running[a.Token], w.uses[a.Token] = w.name(), true, true
		case Stop:
			if !w.uses[a.Token] && a.Token != w.back {
				t.Fatalf("token %d stopped, which does not run", a.Token)
			}
			if a.Cause == Lost || a.Cause == Cancelled {
				w.ended[a.Token] = true
				delete(w.running, a.Token)
			}
		case Abandon:
			if !w.uses[a.Token] || w.running[a.Token] {
				t.Fatalf("token %d abandoned, which returned or is held", a.Token)
			}
			delete(w.uses, a.Token)
		case Send:
			w.sent(t, a.Report)
		case RegisterAnew:
			if n := len(w.s.h.Tokens()); n > 0 {
				t.Fatalf("%d attempts held without a lease", n)
			}
			anew = true
		}
	}
	if anew && w.s.h.Status().State == Adrift {
		w.life++
		w.do(t, append([]Action{}, w.s.h.Register(w.s.now, events.Incarnation(w.name()), 0)...))
	}
	w.fits(t)
}

func (w *world) sent(t *rapid.T, r Report) {
	if r.Beat {
		w.beats = append(w.beats, r.SentAt)
	}
	named, ok := r.Message.(interface{ GetIncarnation() string })
	if ok && named.GetIncarnation() != w.name() {
		t.Fatalf("%T sent for %s in the life of %s", r.Message, named.GetIncarnation(), w.name())
	}
	if b, ok := r.Message.(*events.EngineHeartbeat); ok {
		w.received(t, b)
	}
	f, ok := r.Message.(*events.AttemptFinished)
	if !ok {
		return
	}
	token := events.Token(f.Token)
	waited := f.Outcome == events.AttemptFinished_REFUSED || f.Outcome == events.AttemptFinished_RETURNED
	if w.started[token] != w.name() && !waited {
		t.Fatalf("token %d, started under %q, reported under %s", token, w.started[token], w.name())
	}
	if w.ended[token] {
		t.Fatalf("token %d ended twice", token)
	}
	w.ended[token] = true
	delete(w.running, token)
}

// received checks a heartbeat: what it says was received and has not ended is
// listed.
func (w *world) received(t *rapid.T, b *events.EngineHeartbeat) {
	for token, g := range w.given {
		newer := g.epoch > b.ReceivedEpoch || g.epoch == b.ReceivedEpoch && g.n > b.ReceivedN
		if g.life == w.name() && !newer && !w.ended[token] && !slices.Contains(b.Running, uint64(token)) {
			t.Fatalf("token %d at %d/%d is not in %v", token, g.epoch, g.n, b)
		}
	}
}

// fits checks that what is held and what the caller runs agree and are within
// what the engine has.
func (w *world) fits(t *rapid.T) {
	held := w.s.h.Tokens()
	if len(held) > 2 {
		t.Fatalf("%d attempts held with two slots", len(held))
	}
	if len(w.uses) > 2 {
		t.Fatalf("%d handlers run with two slots", len(w.uses))
	}
	started := 0
	for _, token := range held {
		if w.running[token] {
			started++
		} else if w.started[token] != "" || w.ended[token] {
			t.Fatalf("token %d is held and does not run", token)
		}
	}
	if started != len(w.running) {
		t.Fatalf("holds %v, runs %v", held, w.running)
	}
	if started < len(held) && len(w.uses) < 2 {
		t.Fatalf("holds %v and starts none, although only %v run", held, w.uses)
	}
}

func TestPromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := begin(t)
		s.said = nil
		w := &world{s: s, life: 1, started: map[events.Token]string{}, ended: map[events.Token]bool{},
			running: map[events.Token]bool{}, uses: map[events.Token]bool{}, given: map[events.Token]given{}}
		var epoch, n uint32 = 1, 0
		var log []events.Record
		var token uint64
		publish := func(m proto.Message) {
			n++
			log = append(log, s.copyOf("e1", epoch, n, m))
			w.do(rt, s.h.Read(s.now, events.Page{Records: log[len(log)-1:], Next: s.h.Next() + 1}))
		}
		life := rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf("i%d", max(1, w.life-rapid.IntRange(0, 1).Draw(t, "back")))
		})
		some := rapid.Custom(func(t *rapid.T) uint64 { return uint64(rapid.IntRange(1, int(token)+1).Draw(t, "token")) })
		rt.Repeat(map[string]func(*rapid.T){
			"assign": func(t *rapid.T) {
				token++
				ms := rapid.SampledFrom([]int64{0, 150, 5000}).Draw(t, "timeout")
				to := life.Draw(t, "life")
				w.given[events.Token(token)] = given{to, epoch, n + 1}
				publish(assign(token, timeout(ms), func(a *events.TaskAssigned) { a.Incarnation = to }))
			},
			"revoke": func(t *rapid.T) {
				of := some.Draw(t, "token")
				how := rapid.SampledFrom([]proto.Message{cancel(of), takenBack(of), timedOut(of)}).Draw(t, "how")
				if of <= token {
					w.ended[events.Token(of)] = true
					delete(w.running, events.Token(of))
				}
				publish(how)
			},
			"register": func(*rapid.T) { publish(registered(w.name())) },
			"lose":     func(t *rapid.T) { publish(lost(life.Draw(t, "life"))) },
			"failover": func(*rapid.T) { epoch, n = epoch+1, 0 },
			"read again": func(t *rapid.T) {
				if len(log) > 0 {
					from := rapid.IntRange(0, len(log)-1).Draw(t, "from")
					w.do(t, s.h.Read(s.now, events.Page{Records: log[from:]}))
				}
			},
			"finish": func(t *rapid.T) {
				o := rapid.SampledFrom([]events.AttemptFinished_Outcome{succeeded, failed, finally}).Draw(t, "outcome")
				of := events.Token(some.Draw(t, "token"))
				delete(w.uses, of)
				w.back = of
				w.do(t, s.h.Finished(s.now, of, Result{Outcome: o}))
				w.back = 0
			},
			"progress": func(t *rapid.T) {
				token := events.Token(some.Draw(t, "token"))
				actions, held := s.h.Progressed(s.now, token, "", []byte("x"))
				w.do(t, actions)
				if held != slices.Contains(s.h.Tokens(), token) {
					t.Fatalf("token %d told of progress: held is %v", token, held)
				}
			},
			"ack": func(*rapid.T) {
				for _, at := range w.beats {
					s.h.Acked(at)
				}
				w.beats = nil
			},
			"tick": func(t *rapid.T) {
				s.now += int64(rapid.SampledFrom([]int{0, 1, 50, 1000, 2500, 4500}).Draw(t, "ms"))
				w.do(t, s.h.Tick(s.now))
			},
			"drain": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") == 0 {
					w.do(t, s.h.Drain(s.now, 2000))
				}
			},
		})
	})
}
