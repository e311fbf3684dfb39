package lease

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

func lost(incarnation string) *events.EngineLost {
	return &events.EngineLost{EngineId: "e1", Pool: "blue", Incarnation: incarnation, Reason: "no heartbeat"}
}

func registered(incarnation string) *events.EngineRegistered {
	return &events.EngineRegistered{Engine: &events.Engine{Id: "e1", Pool: "blue", Incarnation: incarnation}}
}

func TestScenes(t *testing.T) {
	for name, play := range map[string]func(t *testing.T){
		"registration is repeated until it is answered": func(t *testing.T) {
			s := begin(t)
			s.wait(2000, true)
			s.says("register i1 from 10", "register i1 from 10", "register i1 from 10")
			s.read(registered("i1"))
			s.wait(3000, true)
			s.says("became ready")
		},
		"a short task is reported once, a long one as started too": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2))
			s.wait(99, true)
			s.finish(1, succeeded)
			s.wait(500, true)
			s.finish(2, failed)
			s.says("start 1", "start 2", "SUCCEEDED 1", "started 2", "FAILED 2 ERROR")
		},
		"what came before comes again and changes nothing": func(t *testing.T) {
			s := ready(t)
			first := s.copyOf("e1", 1, 7, assign(1))
			s.page(events.Page{Records: []events.Record{first, first}})
			s.finish(1, succeeded)
			s.page(events.Page{Records: []events.Record{first, s.copyOf("e1", 2, 1, assign(1))}})
			s.says("start 1", "SUCCEEDED 1")
		},
		"records of other engines raise the mark": func(t *testing.T) {
			s := ready(t)
			s.page(events.Page{Records: []events.Record{s.copyOf("e2", 1, 9, assign(1)), s.copyOf("e1", 1, 8, assign(2)), s.copyOf("e1", 1, 10, assign(3))}})
			s.says("start 3")
		},
		"assignments to another life or pool are dropped": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1, func(a *events.TaskAssigned) { a.Incarnation = "i0" }),
				assign(2, func(a *events.TaskAssigned) { a.Pool = "red" }))
			s.says()
		},
		"what cannot be run is refused": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1, func(a *events.TaskAssigned) { a.Task.Kind = "mine" }),
				assign(2, func(a *events.TaskAssigned) { a.Task.Needs = map[string]int64{"slots": 1, "gpu": 2} }),
				assign(3, func(a *events.TaskAssigned) { a.Task.Needs = map[string]int64{"disk": 1} }),
				assign(4, func(a *events.TaskAssigned) { a.Task = nil }),
				assign(5), assign(6), assign(7))
			s.finish(5, finally)
			s.read(assign(8))
			s.says("REFUSED 1 KIND_UNHANDLED", "REFUSED 2 NO_CAPACITY", "REFUSED 3 NO_CAPACITY", "REFUSED 4 BAD_DATA",
				"start 5", "start 6", "REFUSED 7 NO_CAPACITY", "FAILED_FINALLY 5 ERROR", "start 8")
		},
		"a cancelled task is stopped and never reported": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), cancel(1))
			s.finish(1, failed)
			s.says("start 1", "start 2", "stop 1 cancelled")
		},
		"what the scheduler takes back or times out is stopped and never reported": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), takenBack(1), timedOut(2), takenBack(1), timedOut(9))
			s.finish(1, succeeded)
			s.finish(2, failed)
			s.wait(5000, true)
			s.says("start 1", "start 2", "stop 1 taken back", "stop 2 timed out")
		},
		"what is taken back of another pool's engine is not ours": func(t *testing.T) {
			s := ready(t)
			other := takenBack(1)
			other.Pool = "red"
			s.read(assign(1), other)
			s.says("start 1")
		},
		"a timeout stops the handler, whose end is awaited": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1, timeout(300)), assign(2, timeout(400)))
			s.wait(350, true)
			s.finish(1, failed)
			s.wait(60, true)
			s.finish(2, succeeded)
			s.says("start 1", "start 2", "started 1", "started 2", "stop 1 timed out", "FAILED 1 TIMEOUT", "stop 2 timed out", "SUCCEEDED 2")
		},
		"a handler that does not heed its end is reported without it": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1, timeout(300)))
			s.wait(2300, true)
			s.finish(1, succeeded)
			s.says("start 1", "started 1", "stop 1 timed out", "FAILED 1 TIMEOUT")
		},
		"its own loss makes it begin anew": func(t *testing.T) {
			s := ready(t)
			s.read(assign(2), assign(3), lost("i0"), lost("i1"), assign(4))
			s.finish(2, succeeded)
			s.heard(s.h.Register(s.now, "i2", 0))
			s.read(assign(5), registered("i2"),
				assign(6, func(a *events.TaskAssigned) { a.Incarnation = "i2" }))
			s.says("start 2", "start 3", "stop 2 lost", "stop 3 lost", "register anew",
				"register i2 from 16", "became ready", "start 6")
		},
		"a pause loses the lease before anything is done by it": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.wait(1000, true)
			s.pause(4001)
			s.says("start 1", "started 1", "stop 1 lost", "register anew")
		},
		"a shorter pause does no harm": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.pause(3999)
			s.says("start 1", "started 1")
		},
		"a broker out of reach loses the lease": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.wait(2000, true)
			s.wait(4000, false)
			s.says("start 1", "started 1")
			s.wait(1, false)
			s.says("stop 1 lost", "register anew")
		},
		"a scheduler that is away does not": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.wait(60_000, true)
			s.says("start 1", "started 1")
			if got := s.h.Status().Echoed; got != 0 {
				t.Fatalf("echoed at %d without an echo", got)
			}
		},
		"a report given up loses the lease": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.heard(s.h.Undelivered(s.now, "i0"))
			s.heard(s.h.Undelivered(s.now, "i1"))
			s.says("start 1", "stop 1 lost", "register anew")
		},
		"a drain lets work end": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.heard(s.h.Drain(s.now, 10_000))
			s.read(assign(2))
			s.wait(500, true)
			s.finish(1, succeeded)
			s.says("start 1", "leaving departed=false", "REFUSED 2 DRAINING", "started 1", "SUCCEEDED 1", "leaving departed=true", "depart")
		},
		"work beyond the grace period is handed back": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2))
			s.heard(s.h.Drain(s.now, 1000))
			s.wait(1000, true)
			s.finish(2, failed)
			s.wait(2000, true)
			s.says("start 1", "start 2", "leaving departed=false", "started 1", "started 2",
				"stop 1 drained", "stop 2 drained", "RETURNED 2 RETURNED", "RETURNED 1 RETURNED", "leaving departed=true", "depart")
		},
		"a lease lost while draining is a departure": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1))
			s.heard(s.h.Drain(s.now, 10_000))
			s.read(lost("i1"))
			s.says("start 1", "leaving departed=false", "stop 1 lost", "depart")
		},
		"an engine of the same ID takes over": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), registered("i9"))
			s.says("start 1", "stop 1 lost", "depart")
			if s.h.Err() == nil {
				t.Fatal("no error although another took over")
			}
		},
		"one that took over while it was believed lost stays": func(t *testing.T) {
			s := ready(t)
			s.read(lost("i1"), registered("i0"))
			s.says("register anew", "depart")
			if s.h.Err() == nil {
				t.Fatal("no error although another took over")
			}
		},
		"a life that is gone does not stand in the way, whatever its clock": func(t *testing.T) {
			s := begin(t)
			s.read(registered("i9"), lost("i9"), registered("i1"), assign(1))
			s.says("register i1 from 10", "became ready", "start 1")
		},
		"nor does one that lives, until the scheduler says so": func(t *testing.T) {
			s := begin(t)
			refused := &events.EngineRegistrationRefused{
				EngineId: "e1", Pool: "blue", Incarnation: "i1", Code: "STALE_INCARNATION", Message: "incarnation i9 is known, which is ready"}
			s.read(registered("i9"), refused)
			s.says("register i1 from 10", "register anew")
			s.heard(s.h.Register(s.now, "i2", s.h.Next()))
			refused.Incarnation = "i2"
			s.read(refused)
			s.says("register i2 from 12", "depart")
			if err := s.h.Err(); err == nil || !strings.Contains(err.Error(), "STALE_INCARNATION: incarnation i9 is known") {
				t.Fatalf("refused with the error %v", err)
			}
		},
		"one that slept while it registered does not displace its successor": func(t *testing.T) {
			s := begin(t)
			s.now += 20_000
			s.read(&events.EngineRegistrationRefused{EngineId: "e1", Pool: "blue", Incarnation: "i1", Code: "STALE_INCARNATION"})
			s.says("register i1 from 10", "depart")
		},
		"nor does one that the broker does not hear": func(t *testing.T) {
			s := begin(t)
			for range 20 {
				s.wait(1000, false)
			}
			s.read(&events.EngineRegistrationRefused{EngineId: "e1", Pool: "blue", Incarnation: "i1", Code: "STALE_INCARNATION"})
			if s.h.Err() == nil {
				t.Fatal("it registers anew")
			}
		},
		"a refused registration is the end": func(t *testing.T) {
			s := begin(t)
			s.read(&events.EngineRegistrationRefused{EngineId: "e1", Pool: "blue", Incarnation: "i1", Code: "BAD_PREDICATE"})
			s.wait(5000, true)
			s.says("register i1 from 10", "depart")
		},
	} {
		t.Run(name, play)
	}
}

func TestMalformedRecordsAreCounted(t *testing.T) {
	s := ready(t)
	good := s.copyOf("e1", 5, 1, assign(1))
	for _, from := range []string{"", "x", "/1/2", "t/0/1", "t/0/1/-1", "t/0/4294967296/1", "t/0/1/"} {
		r := good
		r.Headers = append([]events.Header{{Key: events.HeaderFrom, Value: []byte(from)}}, good.Headers...)
		s.page(events.Page{Records: []events.Record{r}})
	}
	bad := s.copyOf("e1", 5, 2, assign(2))
	bad.Value = []byte{0xff}
	s.page(events.Page{Records: []events.Record{bad, {}}})
	if got := s.h.Status().Counts.Malformed; got != 8 {
		t.Errorf("%d malformed records counted, want 8", got)
	}
	s.says()
}

// A copy carries the producer's trace headers beside its own, so it may be
// larger than any request was allowed to be: what counts is read all the same,
// or it would be sent again for ever.
func TestLargeCopiesAreRead(t *testing.T) {
	s := ready(t)
	r := s.copyOf("e1", 5, 1, assign(1))
	r.Headers = append(r.Headers, events.Header{Key: events.HeaderTracestate, Value: make([]byte, events.MaxHeaderBytes)})
	s.page(events.Page{Records: []events.Record{r}})
	if got := s.h.Status().Counts.Malformed; got != 0 {
		t.Errorf("%d malformed records counted, want none", got)
	}
	if len(s.said) == 0 {
		t.Error("the assignment was not acted upon")
	}
}

func TestEchoTellsThatTheSchedulerIsThere(t *testing.T) {
	s := ready(t)
	echo := func(topic string) events.Record {
		r, err := events.Encoder{Source: "/test"}.Encode("x", &events.EngineEcho{Topic: topic, Partition: events.PoolPartition("blue")})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	s.page(events.Page{Records: []events.Record{echo("elsewhere")}})
	if s.h.Status().Echoed != 0 {
		t.Error("an echo of another topic was taken for ours")
	}
	s.page(events.Page{Records: []events.Record{echo("spanway.engines.reports")}})
	if s.h.Status().Echoed != s.now {
		t.Error("the echo was not noticed")
	}
}

func TestReportsFitTheWire(t *testing.T) {
	s := ready(t)
	s.read(assign(1), assign(2))
	long := make([]byte, 10_000)
	for i := range long {
		long[i] = 0xf0
	}
	actions := s.h.Finished(s.now, 1, Result{Outcome: failed, Error: &events.TaskError{Code: "A\xff", Message: string(long)}})
	actions = append([]Action{}, actions...)
	actions = append(actions, s.h.Finished(s.now, 2, Result{Outcome: succeeded, Data: make([]byte, events.MaxPayloadBytes+1)})...)
	for _, a := range actions {
		if _, err := (events.Encoder{Source: "/test"}).Encode(a.Report.ID, a.Report.Message); err != nil {
			t.Error(err)
		}
	}
	if got := actions[1].Report.Message.(*events.AttemptFinished); got.Outcome != finally || got.Error.Code != CodeResultTooLarge {
		t.Errorf("an oversize result was reported as %v", got)
	}
}
