package lease

import (
	"fmt"
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
	beats   []int64
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
			w.started[a.Token], w.running[a.Token] = w.name(), true
		case Stop:
			if a.Cause == Lost || a.Cause == Cancelled {
				w.ended[a.Token] = true
				delete(w.running, a.Token)
			}
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
	f, ok := r.Message.(*events.AttemptFinished)
	if !ok || f.Outcome == events.AttemptFinished_REFUSED {
		return
	}
	token := events.Token(f.Token)
	if w.started[token] != w.name() {
		t.Fatalf("token %d, started under %q, reported under %s", token, w.started[token], w.name())
	}
	if w.ended[token] {
		t.Fatalf("token %d ended twice", token)
	}
	w.ended[token] = true
	delete(w.running, token)
}

// fits checks that what is held and what the caller runs agree and are within
// what the engine has.
func (w *world) fits(t *rapid.T) {
	held := w.s.h.Tokens()
	if len(held) > 2 {
		t.Fatalf("%d attempts held with two slots", len(held))
	}
	if len(held) != len(w.running) {
		t.Fatalf("holds %v, runs %v", held, w.running)
	}
	for _, token := range held {
		if !w.running[token] {
			t.Fatalf("token %d is held and does not run", token)
		}
	}
}

func TestPromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := begin(t)
		s.said = nil
		w := &world{s: s, life: 1, started: map[events.Token]string{}, ended: map[events.Token]bool{}, running: map[events.Token]bool{}}
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
				publish(assign(token, timeout(ms), func(a *events.TaskAssigned) { a.Incarnation = to }))
			},
			"cancel": func(t *rapid.T) { publish(cancel(some.Draw(t, "token"))) },
			"register": func(t *rapid.T) {
				publish(&events.EngineRegistered{Engine: &events.Engine{Id: "e1", Pool: "blue", Incarnation: life.Draw(t, "life")}})
			},
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
				w.do(t, s.h.Finished(s.now, events.Token(some.Draw(t, "token")), Result{Outcome: o}))
			},
			"progress": func(t *rapid.T) {
				w.do(t, s.h.Progressed(s.now, events.Token(some.Draw(t, "token")), []byte("x")))
			},
			"ack": func(*rapid.T) {
				for _, at := range w.beats {
					s.h.Acked(at)
				}
				w.beats = nil
			},
			"tick": func(t *rapid.T) {
				s.now += int64(rapid.SampledFrom([]int{0, 1, 50, 1000, 4500}).Draw(t, "ms"))
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
