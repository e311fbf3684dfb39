package scheduler

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// beat is a heartbeat as the owner is handed it.
func beat(t testing.TB, engine string, epoch, n uint32) input {
	t.Helper()
	rec, err := events.Encoder{Source: "/test"}.Encode("x", &events.EngineHeartbeat{
		EngineId: engine, Incarnation: "i", Pool: "blue", ReceivedEpoch: epoch, ReceivedN: n,
	})
	if err != nil {
		t.Fatal(err)
	}
	topics := events.Topics{Prefix: events.DefaultPrefix}
	return placement.NewPreparer(placement.Config{}).Prepare(topics.Reports(), events.PoolPartition("blue"), &rec)
}

// believes tells at which of the claims a loss is declared; 0: at none.
func believes(t *testing.T, w *witnesses, claims ...input) int {
	t.Helper()
	for i, c := range claims {
		w.look(c)
		var e *eventlog.WitnessError
		if err := w.take(); errors.As(err, &e) {
			return i + 1
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return 0
}

func TestWitnessesNeedEvidence(t *testing.T) {
	t.Parallel()
	one, two := "one", ""
	for i := 0; two == ""; i++ { // It reads another partition.
		if id := fmt.Sprintf("two-%d", i); events.EnginePartition(events.EngineID(id)) != events.EnginePartition(events.EngineID(one)) {
			two = id
		}
	}
	beside := ""
	for i := 0; beside == ""; i++ {
		if id := fmt.Sprintf("beside-%d", i); events.EnginePartition(events.EngineID(id)) == events.EnginePartition(events.EngineID(one)) {
			beside = id
		}
	}
	claim := func(engine string, epoch, n uint32) input { return beat(t, engine, epoch, n) }
	for name, c := range map[string]struct {
		claims []input
		want   int
	}{
		"a single forged one":              {[]input{claim(one, 6, 1)}, 0},
		"a single forged one, far":         {[]input{claim(one, math.MaxUint32, 1)}, 0},
		"the engine gives it the lie":      {[]input{claim(one, 6, 1), claim(one, 5, 9), claim(one, 6, 1), claim(one, 5, 9), claim(one, 6, 1)}, 0},
		"the only engine keeps to it":      {[]input{claim(one, 6, 1), claim(one, 6, 1), claim(one, 6, 2)}, 3},
		"in the same epoch":                {[]input{claim(one, 5, 12), claim(one, 5, 12), claim(one, 5, 12)}, 3},
		"two that share no record":         {[]input{claim(one, 6, 1), claim(two, 6, 3), claim(one, 6, 1), claim(two, 6, 3)}, 4},
		"two that may share a forged one":  {[]input{claim(one, 6, 1), claim(beside, 6, 1), claim(one, 6, 1), claim(beside, 6, 1)}, 0},
		"it keeps to what cannot be":       {[]input{claim(one, 4e9, 1), claim(one, 4e9, 1), claim(one, 4e9, 1), claim(one, 4e9, 1)}, 0},
		"all keep to what cannot be":       {[]input{claim(one, 4e9, 1), claim(two, 4e9, 1), claim(one, 4e9, 1), claim(two, 4e9, 1)}, 0},
		"nobody has read more than counts": {[]input{claim(one, 5, 9), claim(two, 5, 10), claim(one, 4, 99)}, 0},
	} {
		w := &witnesses{}
		doubted := 0
		w.doubted = func(placement.Receipt) { doubted++ }
		w.owned(5)
		w.appended(10)
		if got := believes(t, w, c.claims...); got != c.want {
			t.Errorf("%s: a loss is declared at claim %d, want %d", name, got, c.want)
		}
		above := 0
		for _, in := range c.claims {
			if r, _ := placement.Received(in); r.Epoch == 0 { // Void: it claims no more.
				above++
			}
		}
		if want := above - min(c.want, 1); doubted != want {
			t.Errorf("%s: %d claims are counted as not believed, want %d", name, doubted, want)
		}
	}
}

// story of engines that tell each second what they have read, among forged heartbeats; a
// tail is lost in it or not. It returns whether a loss was declared, and after how long.
func story(t *testing.T, seed uint64, lossy bool, look func(*witnesses, input)) (declared bool, seconds int) {
	random := rand.New(rand.NewPCG(seed, 1))
	w := &witnesses{}
	w.owned(5)
	w.appended(10)
	engines := 1 + random.IntN(3)
	read := make([][2]uint32, engines)
	for i := range read {
		read[i] = [2]uint32{5, uint32(random.IntN(11))}
	}
	if lossy {
		read[random.IntN(engines)] = [2]uint32{5 + uint32(random.IntN(3)), 11 + uint32(random.IntN(50))}
	}
	for seconds = 1; seconds <= 20; seconds++ {
		forged := random.IntN(2 * engines) // After which engine's own there is one, if any.
		for i := range read {
			if i == forged { // In the name of an engine.
				epoch := uint32(5 + random.IntN(3))
				if random.IntN(2) == 0 {
					epoch = random.Uint32() | 1<<20
				}
				look(w, beat(t, fmt.Sprintf("e%d", random.IntN(engines)), epoch, 100+uint32(random.IntN(9))))
			}
			look(w, beat(t, fmt.Sprintf("e%d", i), read[i][0], read[i][1]))
			if w.take() != nil {
				return true, seconds
			}
		}
	}
	return false, seconds
}

// TestWitnessesInStories: forged heartbeats among those of the engines declare no loss, and
// hide none. Builds that believe the first claim, or none, do not live.
func TestWitnessesInStories(t *testing.T) {
	t.Parallel()
	builds := map[string]func(*witnesses, input){
		"as it is": (*witnesses).look,
		"believes a single forged one": func(w *witnesses, in input) {
			r, _ := placement.Received(in)
			if w.look(in); r.Epoch > w.epoch || r.Epoch == w.epoch && r.N > w.n {
				w.seen = &eventlog.WitnessError{Epoch: r.Epoch, N: r.N}
			}
		},
		"ignores what an engine keeps to": func(w *witnesses, in input) {
			clear(w.claims)
			w.look(in)
		},
	}
	for name, look := range builds {
		wrong := 0
		for seed := range uint64(200) {
			if declared, _ := story(t, seed, false, look); declared {
				wrong++
			}
			if declared, after := story(t, seed, true, look); !declared || after > 4 {
				wrong++
			}
		}
		if mutant := name != "as it is"; mutant == (wrong == 0) {
			t.Errorf("a build that %s is wrong in %d stories", name, wrong)
		}
	}
}
