package lease

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

func (s *script) recovered(partition int32, epoch, n uint32, at int64) {
	s.t.Helper()
	r, err := events.Encoder{Source: "/test"}.Encode("recovered", &events.LogRecovered{
		Topic: topic, Partition: partition, Epoch: epoch, N: n, AtMs: at,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.page(events.Page{Records: []events.Record{r}})
}

// TestRecoveredScenes: the pool's log has lost its tail and gives numbers again.
func TestRecoveredScenes(t *testing.T) {
	blue := events.PoolPartition("blue")
	for name, play := range map[string]func(t *testing.T){
		"what was read is gone: a new life, and tokens come again": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2))
			s.finish(2, succeeded)
			s.recovered(blue, 1, 2, 5000)
			s.heard(s.h.Register(s.now, "i2", 0))
			s.finish(1, failed)
			s.n = 2
			s.read(registered("i2"), assign(2, func(a *events.TaskAssigned) { a.Incarnation = "i2" }))
			s.says("start 1", "start 2", "SUCCEEDED 2", "stop 1 lost", "register anew", "register i2 from 14", "became ready", "start 2")
		},
		"nothing was read that is gone": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.recovered(blue, 1, 2, 5000)
			s.recovered(blue, 7, 0, 6000)
			s.wait(1000, true)
			s.saysAll("start 1", "started 1", "beat i1 next=14 received=1/2 [1]")
		},
		"told again, and late, it lowers no new mark": func(t *testing.T) {
			s := ready(t)
			s.recovered(blue, 1, 0, 5000)
			s.heard(s.h.Register(s.now, "i2", 0))
			s.n = 0
			s.read(registered("i2"))
			s.recovered(blue, 1, 0, 5000)
			s.read(assign(1, func(a *events.TaskAssigned) { a.Incarnation = "i2" }))
			s.says("register anew", "register i2 from 12", "became ready", "start 1")
		},
		"told late to a life that never heard of it: what comes again does not end it": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.recovered(blue, 1, 0, 5000) // The life before this one had heeded it.
			s.n = 0
			s.read(registered("i0"), registered("i1"))
			s.heard(s.h.Register(s.now, "i2", 0))
			s.read(registered("i2"))
			s.says("start 1", "stop 1 lost", "register anew", "register i2 from 15", "became ready")
		},
		"another pool's log": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.recovered(blue+1, 0, 0, 5000)
			s.says("start 1")
		},
		"a handler of the lost attempt still runs under the token": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.recovered(blue, 1, 1, 5000)
			s.heard(s.h.Register(s.now, "i2", 0))
			s.n = 1
			s.read(registered("i2"), assign(1, func(a *events.TaskAssigned) { a.Incarnation = "i2" }))
			s.says("start 1", "stop 1 lost", "register anew", "register i2 from 13", "became ready", "REFUSED 1 NO_CAPACITY")
		},
	} {
		t.Run(name, play)
	}
}
