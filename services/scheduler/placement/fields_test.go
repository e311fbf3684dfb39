package placement

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"testing"
	"unsafe"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

// visited is a kind of thing that the codec visits: filled, and its fields that
// are not just values, each with where it is folded or why it is not.
type visited struct {
	what any
	// visit writes it.
	visit  func(c *codec)
	others map[string]string
}

const (
	notFolded = "not folded: "
	elsewhere = "folded elsewhere: "
	derived   = "follows from what is folded: "
)

// filled gives one of each, with nothing left empty.
func filled() map[string]visited {
	s := New(Config{})
	p := s.poolOf(blue)
	tb := &table{p: p, numbers: map[*template]int{}}
	e := &engine{registered: &events.Engine{}, status: draining, reason: "r", leaving: true, registeredAt: 1, changedAtMs: 2, observedAt: 3}
	tm := p.templateOf(&events.Task{
		Kind: "k", Predicate: "p", Prefer: "q", PayloadType: "t", Tenant: "n", Priority: 1, ScheduleTimeoutMs: 1, ExecutionTimeoutMs: 2,
		Retry: &events.RetryPolicy{MaxAttempts: 1, InitialBackoffMs: 2, MaxBackoffMs: 3, Multiplier: 4, FinalErrors: []string{"f"}},
	})
	t := &task{
		id: "t", tmpl: tm, payloadAt: 5, payloadLen: 6, seq: 7, acceptedAt: 8, notBefore: 9, assignedAt: 10, token: 11,
		lastEngine: "e", epoch: 12, n: 13, failures: 14, status: assigned, fate: owesRetry,
		extra: &extra{traceparent: "1", tracestate: "2", replayOf: "3", cancelReason: "4", notBefore: 4, endedAt: 5, endedOffset: 6, after: []string{"a"}},
	}
	m := &events.Engine{
		Id: "e", Incarnation: "i", Pool: blue, Site: "s", Kinds: []string{"k"}, AssignmentsPartition: 1, AssignmentsFrom: 2, Accepts: "a",
		Node: "n", Labels: map[string]*structpb.Value{"l": structpb.NewStringValue("v")}, Allocatable: map[string]int64{"slots": 1},
	}
	d := &drain{reason: "r", offset: 1}
	rejected := &events.TaskRejected{TaskId: "t", Pool: blue, Code: "c", Message: "m", AtMs: 1}
	message := map[string]string{"state": "protobuf's own", "unknownFields": "protobuf's own", "sizeCache": "protobuf's own"}
	var w window
	w.add(endedEntry{key: endedKey{1}, at: 2, offset: 3, token: 4}, 1)
	dead := &dying{offset: 1, pool: p, task: t}
	return map[string]visited{
		"task":  {t, func(c *codec) { c.task(tb, t) }, taskFields},
		"extra": {t.extra, func(c *codec) { c.extra(t.extra) }, map[string]string{"after": elsewhere + "TestValuesAreFolded", "result": notFolded + "for showing", "resultType": notFolded + "for showing"}},
		"template": {tm, func(c *codec) { c.template(&table{p: p, numbers: map[*template]int{}}, &tm) }, map[string]string{"templateKey": elsewhere + "templateKey", "refs": derived + "its tasks", "group": notFolded + "the index",
			"share": derived + "templateKey", "limiter": derived + "templateKey"}},
		"level": {p.level(1), func(c *codec) { c.level(p.level(1)) }, map[string]string{
			"backlog": derived + "the tasks", "shares": elsewhere + "TestValuesAreFolded", "kept": notFolded + "it saves memory"}},
		"templateKey": {&tm.templateKey, func(c *codec) { c.templateKey(p, &tm.templateKey) },
			map[string]string{"shape": elsewhere + "shape", "retry": elsewhere + "retry"}},
		"retryPolicy": {&tm.retry, func(c *codec) { c.templateKey(p, &tm.templateKey) }, nil},
		"shape": {tm.shape, func(c *codec) { c.shape(p, &tm.shape) },
			map[string]string{"key": derived + "needs", "needs": elsewhere + "need", "refs": derived + "templates"}},
		"need":   {&tm.shape.needs[0], func(c *codec) { c.shape(p, &tm.shape) }, nil},
		"engine": {e, func(c *codec) { c.engine(e) }, engineFields},
		"registration": {m, func(c *codec) { c.registration(m) }, with(message, map[string]string{
			"Pool": derived + "its pool", "Labels": elsewhere + "TestValuesAreFolded", "Allocatable": elsewhere + "TestValuesAreFolded",
			"Kinds": elsewhere + "TestValuesAreFolded",
		})},
		"drain": {d, func(c *codec) { c.drain(d) }, nil},
		"rejected": {rejected, func(c *codec) { c.rejected(rejected) }, with(message, map[string]string{
			"Source": notFolded + "not shown", "RequestType": notFolded + "always the same", "Raw": notFolded + "not shown",
		})},
		"endedEntry": {&w.oldest.items[0], func(c *codec) { c.window(&w) }, map[string]string{"key": elsewhere + "TestValuesAreFolded"}},
		"window":     {&w, nil, map[string]string{"slots": derived + "oldest", "used": derived + "oldest", "oldest": elsewhere + "endedEntry", "first": derived + "oldest"}},
		"dying": {dead, func(c *codec) { c.tables = []*table{tb}; c.dying(&fifo[dying]{items: []dying{*dead}}) },
			map[string]string{"pool": elsewhere + "poolRef", "task": elsewhere + "task"}},
		"pool":  {p, func(c *codec) { c.pool(p) }, poolFields},
		"State": {s, func(c *codec) { c.state() }, stateFields},
		"keeper": {&s.kept, nil, map[string]string{
			"tasks": elsewhere + "task", "oldest": elsewhere + "TestRestoredStateGoesOnAlike",
			"rejected": elsewhere + "rejected", "refusals": elsewhere + "TestRestoredStateGoesOnAlike",
		}},
	}
}

func with(a, b map[string]string) map[string]string {
	a = maps.Clone(a)
	maps.Copy(a, b)
	return a
}

var taskFields = map[string]string{
	"tmpl": elsewhere + "template", "extra": elsewhere + "extra", "lastErr": elsewhere + "TestValuesAreFolded",
	"payload": notFolded + "it stands in the log", "payloadGone": notFolded + "the host's own", "since": notFolded + "a metric is of it, nothing that is decided", "owed": derived + "the order of pool.owing",
	"engine": derived + "the attempts of engines", "prev": derived + "the order of tasks", "next": derived + "the order of tasks",
	"attemptPrev": derived + "the attempts of engines", "attemptNext": derived + "the attempts of engines",
	"timer": notFolded + "the index", "due": notFolded + "the index", "group": notFolded + "the index",
}

var engineFields = map[string]string{
	"registered": elsewhere + "registration", "id": derived + "registration", "incarnation": derived + "registration",
	"class": derived + "registration", "index": elsewhere + "pool.byIndex", "allocatable": derived + "registration",
	"free": derived + "its attempts", "first": elsewhere + "attempts", "last": elsewhere + "attempts", "attempts": elsewhere + "attempts",
	"reservedFor": elsewhere + "TestValuesAreFolded", "reservedAt": elsewhere + "TestValuesAreFolded",
	"used": elsewhere + "TestValuesAreFolded", "room": derived + "free and used", "node": derived + "registration", "unmeasured": notFolded + "the host's own",
	"lastBeat": notFolded + "leases begin anew", "version": notFolded + "the index", "older": notFolded + "the index", "newer": notFolded + "the index",
}

var poolFields = map[string]string{
	"name": elsewhere + "it is the pool", "tasks": elsewhere + "task", "first": elsewhere + "task", "last": elsewhere + "task",
	"owing": elsewhere + "TestRestoredStateGoesOnAlike", "owes": derived + "owing", "debts": derived + "owing",
	"waiting": derived + "its tasks", "running": derived + "its tasks", "engines": derived + "known", "drains": elsewhere + "drain",
	"byIndex": elsewhere + "TestRestoredStateGoesOnAlike", "known": elsewhere + "engine", "present": derived + "known",
	"largest": elsewhere + "TestValuesAreFolded", "dims": elsewhere + "TestValuesAreFolded", "shapes": derived + "templates",
	"oneSlot": derived + "shapes", "templates": derived + "tasks", "idleTemplates": notFolded + "they save work",
	"classes": derived + "classList", "classList": elsewhere + "TestValuesAreFolded", "match": notFolded + "the index",
	"settings": elsewhere + "TestValuesAreFolded", "levels": elsewhere + "level", "limits": derived + "tasks and attempts",
	"dependencies": derived + "tasks", "reserved": elsewhere + "TestValuesAreFolded",
	"importing": elsewhere + "TestRestoredStateGoesOnAlike",
	"nodes":     derived + "known", "predicates": notFolded + "the host's own", "scans": notFolded + "the index",
}

var stateFields = map[string]string{
	"cfg": notFolded + "the host's own", "pools": elsewhere + "pool", "order": elsewhere + "pool", "ended": elsewhere + "window",
	"kept": elsewhere + "keeper", "dying": elsewhere + "dying", "leading": notFolded + "the host's own", "tenure": notFolded + "the host's own",
	"turn": notFolded + "the host's own", "nextLease": notFolded + "the host's own", "evaluations": notFolded + "a count for metrics",
	"eval": notFolded + "scratch", "partitions": derived + "engines", "deciding": notFolded + "scratch", "recent": notFolded + "found by ID as well", "addressee": notFolded + "scratch", "compiled": notFolded + "scratch", "preferred": notFolded + "scratch",
	"knows": notFolded + "the release's own", "err": notFolded + "it folds nothing any more",
	"payloadBytes": notFolded + "the host's own", "succeeded": notFolded + "for showing",
}

// TestEveryFieldIsFolded: a field that is a value changes what is written, and
// so the hash; every other is named above, with where it is folded or why not.
// Who adds a field and forgets the codec is told here.
func TestEveryFieldIsFolded(t *testing.T) {
	for name, v := range filled() {
		write := func() []byte {
			c := &codec{numbers: map[string]int{}, s: New(Config{})}
			if s, ok := v.what.(*State); ok {
				c.s = s
			} else {
				c.s.version = NewestFoldVersion // So that all is folded.
			}
			v.visit(c)
			return c.out
		}
		fields := reflect.ValueOf(v.what).Elem()
		named := maps.Clone(v.others)
		for i := range fields.NumField() {
			field := fields.Type().Field(i)
			if _, ok := named[field.Name]; ok {
				delete(named, field.Name)
				continue
			}
			before := write()
			if !change(fields.Field(i)) {
				t.Errorf("%s.%s is a %s: say where it is folded, or why it is not", name, field.Name, field.Type)
				continue
			}
			if bytes.Equal(before, write()) {
				t.Errorf("%s.%s is not folded: the codec does not visit it", name, field.Name)
			}
		}
		for _, gone := range slices.Sorted(maps.Keys(named)) {
			t.Errorf("%s.%s is named, but there is no such field", name, gone)
		}
	}
}

// change makes a value another, and tells whether it can.
func change(v reflect.Value) bool {
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() // So that it may be set.
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.String:
		v.SetString(v.String() + "x")
	default:
		return false
	}
	return true
}

func reserve(p *pool, t *task, e *engine, at int64) {
	e.reservedFor, e.reservedAt = t, at
	p.reserved = append(p.reserved, e)
}

// TestValuesAreFolded does the same for what is no plain value.
func TestValuesAreFolded(t *testing.T) {
	base := func() (*State, *pool, *task, *engine) {
		w := newWorld(t, Config{})
		w.engine("e1", "1", map[string]int64{"slots": 2}, map[string]any{"gpu": 1, "list": []any{"a", true}})
		w.submit("a", "")
		w.submit("b", "")
		w.advance()
		w.finish("a", events.AttemptFinished_FAILED)
		p := w.state.pools[blue]
		return w.state, p, p.tasks["a"], p.engines["e1"]
	}
	s, _, _, _ := base()
	want := s.Hash()
	if s, _, _, _ := base(); s.Hash() != want {
		t.Fatal("equal histories give different hashes")
	}
	label := func(e *engine, v any) {
		e.registered.Labels["gpu"], _ = structpb.NewValue(v)
	}
	for name, mutate := range map[string]func(s *State, p *pool, a *task, e *engine){
		"error code":     func(_ *State, _ *pool, a *task, _ *engine) { a.lastErr = &events.TaskError{Code: "X"} },
		"error message":  func(_ *State, _ *pool, a *task, _ *engine) { a.lastErr = &events.TaskError{Message: "X"} },
		"an empty error": func(_ *State, _ *pool, a *task, _ *engine) { a.lastErr = &events.TaskError{} },
		"label number":   func(_ *State, _ *pool, _ *task, e *engine) { label(e, 2) },
		"label text":     func(_ *State, _ *pool, _ *task, e *engine) { label(e, "1") },
		"label true":     func(_ *State, _ *pool, _ *task, e *engine) { label(e, true) },
		"label false":    func(_ *State, _ *pool, _ *task, e *engine) { label(e, false) },
		"label list":     func(_ *State, _ *pool, _ *task, e *engine) { label(e, []any{1}) },
		"label name": func(_ *State, _ *pool, _ *task, e *engine) {
			e.registered.Labels["gpu2"] = e.registered.Labels["gpu"]
			delete(e.registered.Labels, "gpu")
		},
		"allocatable": func(_ *State, _ *pool, _ *task, e *engine) { e.registered.Allocatable["slots"]++ },
		"kinds":       func(_ *State, _ *pool, _ *task, e *engine) { e.registered.Kinds = append(e.registered.Kinds, "x") },
		"classes":     func(_ *State, p *pool, _ *task, _ *engine) { p.classOf(&events.Engine{Site: "another"}) },
		"dimensions":  func(_ *State, p *pool, _ *task, _ *engine) { p.dims.of("another") },
		"largest":     func(_ *State, p *pool, _ *task, _ *engine) { p.largest[0][0]++ },
		"attempts":    func(_ *State, p *pool, _ *task, _ *engine) { p.vacate(p.tasks["b"], 0) },
		"owing":       func(_ *State, p *pool, a *task, _ *engine) { p.owe(a, owesDeath) },
		"drains":      func(_ *State, p *pool, _ *task, _ *engine) { p.noteDrain("e9", drain{"r", 1}) },
		"usage":       func(_ *State, _ *pool, _ *task, e *engine) { e.measure([]int64{1}) },
		"reservation": func(_ *State, p *pool, a *task, e *engine) { reserve(p, a, e, 0) },
		"reserved at": func(_ *State, p *pool, a *task, e *engine) { reserve(p, a, e, 1) },
		"after":       func(_ *State, _ *pool, a *task, _ *engine) { a.extras().after = []string{"x"} },
		"share":       func(_ *State, p *pool, _ *task, _ *engine) { p.level(3).shareOf("x").given++ },
		"weights": func(_ *State, p *pool, _ *task, _ *engine) {
			p.settings = &events.PoolSettings{TenantWeights: map[string]int32{"x": 2}}
		},
		"reserve after": func(_ *State, p *pool, _ *task, _ *engine) { p.settings = &events.PoolSettings{ReserveAfterMs: 1} },
		"succeeded":     func(s *State, _ *pool, _ *task, _ *engine) { s.ended.add(endedEntry{token: successBit}, 1) },
		"payload":       func(_ *State, _ *pool, a *task, _ *engine) { a.payloadLen = 1 },
		"ended":         func(s *State, _ *pool, _ *task, _ *engine) { s.ended.add(endedEntry{}, 1) },
		"rejected":      func(s *State, _ *pool, _ *task, _ *engine) { s.kept.reject(&events.TaskRejected{}) },
		"pools":         func(s *State, _ *pool, _ *task, _ *engine) { s.poolOf("another") },
	} {
		s, p, a, e := base()
		if mutate(s, p, a, e); s.Hash() == want {
			t.Errorf("%s: the hash does not change", name)
		}
	}
	s.ended.add(endedEntry{key: endedKey{1}}, 10)
	one := s.Hash()
	s.ended.oldest.items[0].key[15]++
	if s.Hash() == one {
		t.Error("the key of an ended task is not folded")
	}
	a, _, task, _ := base()
	task.payload = []byte("in memory")
	a.tenure.heard++
	if a.Hash() != want {
		t.Error("what only the host knows is hashed")
	}
}
