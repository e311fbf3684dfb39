package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

// Plan makes what a run sends, from its seed. It is for one goroutine.
type Plan struct {
	random *rand.Rand
	topics events.Topics
	name   string
	n      int
	recent map[events.Pool][]string // tasks that others may run after
	last   Request
}

// Pools of a run. They are on different partitions.
func Pools() []events.Pool { return []events.Pool{"default", "blue", "green"} }

// NewPlan begins a plan; name makes its tasks' IDs its own.
func NewPlan(topics events.Topics, name string, seed uint64) *Plan {
	random := rand.New(rand.NewPCG(seed, uint64(len(name))))
	return &Plan{random: random, topics: topics, name: name, recent: map[events.Pool][]string{}}
}

// Request is a record for tasks.requests. TaskID is empty if it names no task, so that
// it must be refused.
type Request struct {
	Partition int32
	Record    events.Record
	TaskID    string
}

// Request makes the next request: a new task as a rule.
func (p *Plan) Request(now time.Time) (Request, error) {
	switch {
	case p.last.TaskID != "" && p.oneIn(20):
		return p.last, nil // the same again
	case p.oneIn(25):
		return p.malformed(), nil
	}
	p.n++
	pool := Pools()[p.random.IntN(len(Pools()))]
	m := p.task(pool, now)
	record, err := events.Encoder{Source: "/chaos", JSON: p.oneIn(2)}.Encode(m.TaskId, m)
	if err != nil {
		return Request{}, err
	}
	record.Key, record.Timestamp = []byte(pool), now.UnixMilli()
	r := Request{Partition: events.PoolPartition(pool), Record: record, TaskID: m.TaskId}
	if p.oneIn(40) {
		r.Partition = (r.Partition + 1) % events.PoolPartitions // as librdkafka might
	}
	p.last = r
	return r, nil
}

// Kinds of tasks, which fleet and the stand-alone engine handle.
const (
	KindNoop  = "noop"
	KindSleep = "sleep" // for as long as the payload says
	KindFail  = "fail"  // as often as not
	KindPanic = "panic"
	KindHang  = "hang" // until it is timed out
	KindExec  = "exec"
	// KindNever has no handler: its tasks wait for ever.
	KindNever = "never"
)

func (p *Plan) task(pool events.Pool, now time.Time) *events.TaskRequested {
	id := fmt.Sprintf("%s-%d", p.name, p.n)
	m := &events.TaskRequested{TaskId: id, Pool: string(pool), ExecutionTimeout: p.ms(1500, 4000), Retry: p.retry()}
	p.kind(m)
	priority := p.random.Int32N(10)
	m.Priority = &priority
	m.Tenant = p.oneOf("", "ada", "bob", "eve")
	m.Predicate = p.oneOf("", "", "", `engine.labels.zone == "a"`, `engine.labels.gpu >= 1`, `engine.labels.gpu >= 2 && engine.site == "eu"`,
		`engine.labels.gpu + task.priority >= 3`, `!("noop" in engine.running.kinds)`, `engine.free.slots >= 2`)
	m.Prefer = p.oneOf("", "", "int(engine.labels.gpu)", "engine.free.slots")
	if p.oneIn(3) {
		m.Needs = map[string]*structpb.Value{"slots": structpb.NewNumberValue(float64(1 + p.random.IntN(3)))}
	}
	if p.oneIn(6) {
		limit := 1 + p.random.Int32N(4)
		m.LimitKey, m.Limit = fmt.Sprint("limit", p.random.IntN(4)), &limit
	}
	if p.oneIn(6) {
		m.NotBefore = now.Add(time.Duration(p.random.IntN(4000)) * time.Millisecond).UTC().Format(time.RFC3339Nano)
	}
	if p.oneIn(5) {
		m.ScheduleTimeout = p.ms(500, 20_000)
	}
	if known := p.recent[pool]; len(known) > 0 && p.oneIn(6) {
		m.After = []string{known[p.random.IntN(len(known))]}
		m.ScheduleTimeout = p.ms(5000, 20_000) // what it waits for may be refused
	}
	if p.oneIn(10) { // nothing will ever match
		m.Predicate, m.ScheduleTimeout = p.oneOf(`engine.labels.nowhere == 1`, `engine.site == "mars"`), p.ms(500, 5000)
	}
	p.recent[pool] = append(p.recent[pool], id)
	if n := len(p.recent[pool]); n > 30 {
		p.recent[pool] = p.recent[pool][n-30:]
	}
	return m
}

func (p *Plan) kind(m *events.TaskRequested) {
	switch n := p.random.IntN(100); {
	case p.n%500 == 7:
		m.Kind = KindNever
	case n < 45:
		m.Kind = KindNoop
	case n < 70:
		m.Kind, m.Payload = KindSleep, []byte(p.ms(5, 800))
	case n < 84:
		m.Kind = KindFail
	case n < 87:
		m.Kind = KindPanic
	case n < 90:
		m.Kind = KindHang
	default:
		m.Kind, m.Payload = KindExec, []byte(p.oneOf(`{"command":["true"]}`, `{"command":["false"]}`, `{"command":["sleep","0.3"]}`))
	}
	if p.oneIn(50) {
		m.Payload, m.Kind = []byte(strings.Repeat("x", 100_000)), KindNoop
	}
}

func (p *Plan) retry() *events.RetryRequested {
	attempts := 1 + p.random.Int32N(4)
	return &events.RetryRequested{MaxAttempts: &attempts, InitialBackoff: p.ms(50, 800), MaxBackoff: "2s"}
}

func (p *Plan) oneIn(n int) bool { return p.random.IntN(n) == 0 }

func (p *Plan) oneOf(of ...string) string { return of[p.random.IntN(len(of))] }

// ms is a duration between two numbers of milliseconds.
func (p *Plan) ms(low, high int) string {
	return fmt.Sprintf("%dms", low+p.random.IntN(high-low))
}
