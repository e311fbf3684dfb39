package main

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// ledger follows the pool's events: what was said about each task, and so what
// each engine did. It knows nothing that the log does not say, so it counts the
// work of the engine that was killed as well.
type ledger struct {
	// wanted are the tasks of this run that have not succeeded yet.
	wanted  map[string]bool
	holder  map[string]string // task -> the engine that has it
	results map[string]result
	engines map[string]*account
	// problems are tasks that ended otherwise than by success.
	problems []string
	loss     *loss
}

// result is what a handler says of a file.
type result struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	// Busy is how long the handler ran, in microseconds.
	Busy int64 `json:"busyMicros"`
}

// account sums up what one engine did.
type account struct {
	tasks       int
	bytes, busy int64
	registered  bool
}

// loss is what became of the victim's work. Times are those of the events.
type loss struct {
	atMs int64
	// waiting are its tasks that are not placed again yet.
	waiting  map[string]bool
	tasks    int
	placedOn map[string]int
	placedMs int64
	told     bool
}

func newLedger(tasks []string) *ledger {
	l := &ledger{
		wanted:  make(map[string]bool, len(tasks)),
		holder:  map[string]string{},
		results: make(map[string]result, len(tasks)),
		engines: map[string]*account{},
	}
	for _, id := range tasks {
		l.wanted[id] = true
	}
	return l
}

// apply takes in the next event of the log.
func (l *ledger) apply(event proto.Message) {
	switch e := event.(type) {
	case *events.EngineRegistered:
		l.account(e.GetEngine().GetId()).registered = true
	case *events.EngineLost:
		l.lost(e)
	case *events.TaskAssigned:
		l.assigned(e)
	case *events.TaskSucceeded:
		l.succeeded(e)
	case *events.TaskRejected:
		l.ended(e.GetTaskId(), "rejected", e.GetCode()+": "+e.GetMessage())
	case *events.TaskFailed:
		l.ended(e.GetTaskId(), "failed", e.GetError().GetMessage())
	case *events.TaskDeadLettered:
		l.ended(e.GetTaskId(), "failed too often", e.GetError().GetMessage())
	case *events.TaskCancelled:
		l.ended(e.GetTaskId(), "cancelled", e.GetReason())
	}
}

func (l *ledger) account(engine string) *account {
	a := l.engines[engine]
	if a == nil {
		a = &account{}
		l.engines[engine] = a
	}
	return a
}

func (l *ledger) assigned(e *events.TaskAssigned) {
	if !l.wanted[e.GetTaskId()] {
		return
	}
	l.holder[e.GetTaskId()] = e.GetEngineId()
	if l.loss != nil && l.loss.waiting[e.GetTaskId()] {
		delete(l.loss.waiting, e.GetTaskId())
		l.loss.placedOn[e.GetEngineId()]++
		l.loss.placedMs = e.GetAtMs()
	}
}

func (l *ledger) succeeded(e *events.TaskSucceeded) {
	id := e.GetTaskId()
	if !l.wanted[id] {
		return
	}
	var r result
	if err := json.Unmarshal(e.GetResult(), &r); err != nil {
		l.ended(id, "succeeded with a result that cannot be read", err.Error())
		return
	}
	delete(l.wanted, id)
	delete(l.holder, id)
	l.results[id] = r
	a := l.account(e.GetEngineId())
	a.tasks++
	a.bytes += r.Bytes
	a.busy += r.Busy
}

func (l *ledger) ended(id, how, why string) {
	if !l.wanted[id] {
		return
	}
	delete(l.wanted, id)
	delete(l.holder, id)
	l.problems = append(l.problems, fmt.Sprintf("%s %s: %s", id, how, why))
}

func (l *ledger) lost(e *events.EngineLost) {
	if e.GetEngineId() != victim {
		return // Its work is placed again too, but that is not what is shown.
	}
	l.loss = &loss{atMs: e.GetAtMs(), waiting: map[string]bool{}, placedOn: map[string]int{}}
	for id, engine := range l.holder {
		if engine == victim {
			l.loss.waiting[id] = true
			delete(l.holder, id)
		}
	}
	l.loss.tasks = len(l.loss.waiting)
}

// holds tells how many unfinished tasks an engine has.
func (l *ledger) holds(engine string) int {
	n := 0
	for _, e := range l.holder {
		if e == engine {
			n++
		}
	}
	return n
}

// done tells how many tasks have ended.
func (l *ledger) done() int { return len(l.results) + len(l.problems) }

// allRegistered tells whether the scheduler knows every engine.
func (l *ledger) allRegistered() bool {
	for _, m := range machines {
		if a := l.engines[m.id]; a == nil || !a.registered {
			return false
		}
	}
	return true
}
