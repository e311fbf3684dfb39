package lease

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// These scenes tell what heartbeats say of receipt: an assignment at or before
// the mark is running, or reported before, or was not received.
func TestReceiptScenes(t *testing.T) {
	for name, play := range map[string]func(t *testing.T){
		"nothing read, nothing received": func(t *testing.T) {
			s := begin(t)
			s.saysAll("register i1 from 10", "beat i1 next=10 received=0/0 []")
		},
		"the mark rises with the attempts of its page": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2))
			s.wait(1000, true)
			s.saysAll("start 1", "start 2", "started 1", "started 2", "beat i1 next=13 received=1/3 [1 2]")
		},
		"the end is reported before a beat leaves it out": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2, func(a *events.TaskAssigned) { a.Task.Kind = "mine" }))
			s.finish(1, succeeded)
			s.wait(1000, true)
			s.saysAll("start 1", "REFUSED 2 KIND_UNHANDLED", "SUCCEEDED 1", "beat i1 next=13 received=1/3 []")
		},
		"copies for other engines count, other logs do not": func(t *testing.T) {
			s := ready(t)
			other := s.copyOf("e1", 9, 9, assign(3))
			other.Headers[len(other.Headers)-1].Value = []byte(topic + "/99/9/9")
			s.page(events.Page{Records: []events.Record{s.copyOf("e2", 2, 4, assign(1)), other}})
			s.wait(1000, true)
			s.saysAll("start 3", "started 3", "beat i1 next=13 received=2/4 [3]")
		},
		"a new life keeps the mark": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), lost("i1"))
			s.heard(s.h.Register(s.now, "i2", 0))
			s.saysAll("start 1", "stop 1 lost", "register anew", "register i2 from 13", "beat i2 next=13 received=1/3 []")
		},
		"what could not be read was not received": func(t *testing.T) {
			s := ready(t)
			bad := s.copyOf("e1", 1, 2, assign(1))
			bad.Value = []byte{0xff}
			s.page(events.Page{Records: []events.Record{bad}})
			s.wait(1000, true)
			s.saysAll("beat i1 next=12 received=1/2 []")
		},
	} {
		t.Run(name, play)
	}
}
