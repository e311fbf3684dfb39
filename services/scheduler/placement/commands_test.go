package placement

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// commands of scenarios.
var commands = map[string]func(*player, args){
	"engine":  (*player).cmdEngine,
	"submit":  (*player).cmdSubmit,
	"finish":  (*player).cmdFinish,
	"start":   (*player).cmdStart,
	"say":     (*player).cmdSay,
	"tick":    (*player).cmdTick,
	"silence": func(p *player, a args) { p.silent[a.at(0)] = true },
	"leave":   func(p *player, a args) { p.cmdLeave(a, false) },
	"depart":  func(p *player, a args) { p.cmdLeave(a, true) },
	"drain": func(p *player, a args) {
		p.send(&events.EngineDrainRequested{EngineId: a.at(0), Pool: blue, Reason: a.at(1)})
	},
	"resume": func(p *player, a args) { p.send(&events.EngineResumeRequested{EngineId: a.at(0), Pool: blue}) },
	"cancel": func(p *player, a args) {
		p.send(&events.TaskCancelRequested{TaskId: a.at(0), Pool: blue, Reason: a.at(1)})
	},
	"cancel-all": (*player).cmdCancelAll,
	"retry":      func(p *player, a args) { p.send(&events.TaskRetryRequested{TaskId: a.at(0), Pool: blue}) },
	"late":       (*player).cmdLate,
	"deaf":       (*player).cmdDeaf,
	"behind":     (*player).cmdBehind,
	"set":        (*player).cmdSet,
	"turns":      (*player).cmdTurns,
	"burst":      (*player).cmdBurst,
	"why":        (*player).cmdWhy,
	"judge":      (*player).cmdJudge,
	"measure":    (*player).cmdMeasure,
	"tasks":      (*player).cmdTasks,
	"take-over":  (*player).cmdTakeOver,
	"go-back":    (*player).cmdGoBack,
	"part":       (*player).cmdPart,
	"replace":    func(p *player, a args) { p.send(&events.PoolReplaceRequested{Pool: blue, Reason: a.at(0)}) },
	"engines":    (*player).cmdEngines,
}

// cmdEngine: engine NAME slots=2 labels.gpu=1 site=eu kinds=a,b incarnation=2 node=n1 accepts "..."
func (p *player) cmdEngine(a args) {
	e := &events.Engine{
		Id: a.at(0), Incarnation: "1", Pool: blue, Site: "eu", Kinds: []string{"k"},
		Labels: map[string]*structpb.Value{}, Allocatable: map[string]int64{},
		AssignmentsPartition: events.EnginePartition(events.EngineID(a.at(0))),
	}
	for _, name := range a.order {
		value := a.named[name]
		label, isLabel := strings.CutPrefix(name, "labels.")
		switch {
		case isLabel:
			e.Labels[label] = labelValue(value)
		case name == "site":
			e.Site = value
		case name == "node":
			e.Node = value
		case name == "accepts":
			e.Accepts = value
		case name == "incarnation":
			e.Incarnation = value
		case name == "kinds":
			e.Kinds = strings.Split(value, ",")
		default:
			n, ok := request.Quantity(value)
			if !ok {
				p.tb.Fatalf("engine: %s=%s is no quantity", name, value)
			}
			e.Allocatable[name] = n
		}
	}
	p.send(&events.EngineRegistration{Engine: e})
}

func labelValue(text string) *structpb.Value {
	if n, err := strconv.Atoi(text); err == nil {
		return structpb.NewNumberValue(float64(n))
	}
	if b, err := strconv.ParseBool(text); err == nil {
		return structpb.NewBoolValue(b)
	}
	return structpb.NewStringValue(text)
}

// cmdSubmit: submit NAME where "..." prefer "..." slots=1 priority=9 kind=k schedule=5s timeout=30s attempts=2
// final=CODE later=10s (from now)
func (p *player) cmdSubmit(a args) { p.send(p.request(a)) }

func (p *player) request(a args) *events.TaskRequested {
	r := &events.TaskRequested{TaskId: a.at(0), Pool: blue, Kind: "k", Predicate: a.named["where"], Needs: map[string]*structpb.Value{}}
	for _, name := range a.order {
		value := a.named[name]
		switch name {
		case "where":
		case "kind":
			r.Kind = value
		case "tenant":
			r.Tenant = value
		case "key":
			r.LimitKey = value
		case "limit":
			n, _ := strconv.Atoi(value)
			r.Limit = proto.Int32(int32(n))
		case "after":
			r.After = strings.Split(value, ",")
		case "prefer":
			r.Prefer = value
		case "later":
			d, err := time.ParseDuration(value)
			if err != nil {
				p.tb.Fatal(err)
			}
			r.NotBefore = time.UnixMilli(p.now).Add(d).UTC().Format(time.RFC3339Nano)
		case "payload":
			r.Payload = []byte(value)
		case "replay-of":
			r.TaskId, r.ReplayOf = "", value
		case "schedule":
			r.ScheduleTimeout = value
		case "timeout":
			r.ExecutionTimeout = value
		case "priority":
			n, _ := strconv.Atoi(value)
			r.Priority = new(int32)
			*r.Priority = int32(n)
		case "attempts":
			n, _ := strconv.Atoi(value)
			p.retry(r).MaxAttempts = new(int32)
			*r.Retry.MaxAttempts = int32(n)
		case "final":
			p.retry(r).FinalErrors = strings.Split(value, ",")
		default:
			r.Needs[name] = structpb.NewStringValue(value)
		}
	}
	return r
}

// cmdJudge: judge NAME and all that submit takes: who would take it now?
func (p *player) cmdJudge(a args) {
	task, err := request.New(nil).Check(p.request(a))
	if err != nil {
		fmt.Fprintf(&p.out, "  %v\n", err)
		return
	}
	x := p.replica.ExplainRequest(task, p.now)
	fmt.Fprintf(&p.out, "  takes: %s %s\n", x.Takes, x.Reason)
	for _, f := range x.Engines {
		fmt.Fprintf(&p.out, "  %s %s", f.Engine, f.Result)
		if f.Score != nil {
			fmt.Fprintf(&p.out, " score %s", texts.Score(*f.Score))
		}
		for _, text := range []string{f.ScoreError, f.NotAccepted, texts.Shortage(f), f.Error} {
			if text != "" {
				fmt.Fprintf(&p.out, " (%s)", text)
			}
		}
		p.out.WriteString("\n")
	}
}

// cmdMeasure: measure ENGINE slots=1 memory_bytes=2Gi: a heartbeat with what is used.
func (p *player) cmdMeasure(a args) {
	used := map[string]int64{}
	for _, name := range a.order {
		used[name], _ = request.Quantity(a.named[name])
	}
	p.beat(p.state.pools[blue].engines[a.at(0)], used)
}

func (p *player) retry(r *events.TaskRequested) *events.RetryRequested {
	if r.Retry == nil {
		r.Retry = &events.RetryRequested{}
	}
	return r.Retry
}

// cmdFinish: finish NAME [failed|final|returned|refused] [CODE]
func (p *player) cmdFinish(a args) {
	outcome := map[string]events.AttemptFinished_Outcome{
		"": events.AttemptFinished_SUCCEEDED, "failed": events.AttemptFinished_FAILED,
		"final": events.AttemptFinished_FAILED_FINALLY, "returned": events.AttemptFinished_RETURNED,
		"refused": events.AttemptFinished_REFUSED,
	}[a.at(1)]
	t := p.task(a.at(0))
	if t == nil || t.status != assigned {
		fmt.Fprintf(&p.out, "  %s does not run\n", a.at(0))
		return
	}
	m := &events.AttemptFinished{
		TaskId: t.id, Pool: blue, EngineId: t.engine.id, Incarnation: t.engine.incarnation,
		Attempt: t.attempt(), Token: t.token, Outcome: outcome,
	}
	if a.at(2) != "" {
		m.Error = &events.TaskError{Code: a.at(2)}
	}
	p.send(m)
}

func (p *player) cmdStart(a args) {
	t := p.task(a.at(0))
	p.send(&events.AttemptStarted{TaskId: t.id, Pool: blue, EngineId: t.engine.id, Attempt: t.attempt(), Token: t.token})
}

// cmdSay: say NAME TYPE BYTES: progress of that content type, of so many bytes.
func (p *player) cmdSay(a args) {
	t := p.task(a.at(0))
	n, _ := strconv.Atoi(a.at(2))
	p.send(&events.AttemptProgressed{
		TaskId: t.id, Pool: blue, EngineId: t.engine.id, Attempt: t.attempt(), Token: t.token,
		DataType: a.at(1), Data: make([]byte, n),
	})
}

// cmdLate: late NAME token=1: a success reported under that token.
func (p *player) cmdLate(a args) {
	token, _ := strconv.ParseUint(a.named["token"], 10, 64)
	p.send(&events.AttemptFinished{TaskId: a.at(0), Pool: blue, Token: token, Outcome: events.AttemptFinished_SUCCEEDED})
}

// cmdDeaf: deaf ENGINE: it has read everything, and says that nothing was for it.
func (p *player) cmdDeaf(a args) {
	p.send(&events.EngineHeartbeat{
		EngineId: a.at(0), Incarnation: "1", Pool: blue, ReceivedEpoch: 1, ReceivedN: uint32(p.offset),
	})
}

// cmdBehind: behind ENGINE: it has not read its last assignment yet.
func (p *player) cmdBehind(a args) {
	last := p.state.pools[blue].engines[a.at(0)].last
	p.send(&events.EngineHeartbeat{EngineId: a.at(0), Incarnation: "1", Pool: blue, ReceivedEpoch: 1, ReceivedN: last.n - 1})
}

func (p *player) cmdTick(a args) {
	d, err := time.ParseDuration(a.at(0))
	if err != nil {
		p.tb.Fatal(err)
	}
	p.tick(d)
}

// cmdSet: set reserve=10s weight.acme=3
func (p *player) cmdSet(a args) {
	settings := &events.PoolSettings{TenantWeights: map[string]int32{}}
	for _, name := range a.order {
		if tenant, ok := strings.CutPrefix(name, "weight."); ok {
			n, _ := strconv.Atoi(a.named[name])
			settings.TenantWeights[tenant] = int32(n)
			continue
		}
		d, err := time.ParseDuration(a.named[name])
		if err != nil {
			p.tb.Fatal(err)
		}
		settings.ReserveAfterMs = d.Milliseconds()
	}
	p.send(&events.PoolConfigureRequested{Pool: blue, Settings: settings})
}

// cmdTurns: turns 5: what began first succeeds, and what follows begins, that often.
func (p *player) cmdTurns(a args) {
	n, _ := strconv.Atoi(a.at(0))
	for range n {
		for _, e := range p.state.pools[blue].byIndex {
			if e != nil && e.first != nil {
				p.finish(e.first.id, events.AttemptFinished_SUCCEEDED)
				break
			}
		}
		p.advance()
	}
}

// cmdBurst: burst 3 NAME tenant=acme: NAME1 to NAME3, in one go.
func (p *player) cmdBurst(a args) {
	n, _ := strconv.Atoi(a.at(0))
	for i := range n {
		each := a
		each.plain = []string{fmt.Sprint(a.at(1), i+1)}
		p.cmdSubmit(each)
	}
}

func (p *player) cmdLeave(a args, departed bool) {
	e := p.state.pools[blue].engines[a.at(0)]
	p.send(&events.EngineLeaving{EngineId: e.id, Incarnation: e.incarnation, Pool: blue, Departed: departed})
}

func (p *player) cmdCancelAll(a args) {
	p.send(&events.TaskCancelRequested{Pool: blue, Reason: "all", Filter: &events.TaskFilter{
		Kind: a.named["kind"], Tenant: a.named["tenant"], IdPrefix: a.named["prefix"], PendingOnly: a.named["pending"] == "true",
	}})
}

func (p *player) cmdWhy(a args) {
	x, ok := p.replica.Explain(blue, events.TaskID(a.at(0)), p.now)
	if !ok {
		fmt.Fprintf(&p.out, "  no such task\n")
		return
	}
	for line := range strings.Lines(texts.Explanation(x)) {
		p.out.WriteString("  " + line)
	}
}

func (p *player) cmdTasks(args) {
	for v := range p.state.Tasks(blue) {
		fmt.Fprintf(&p.out, "  %s %s attempt=%d", v.ID, v.State, v.Attempt)
		if v.Engine != "" {
			fmt.Fprintf(&p.out, " engine=%s", v.Engine)
		}
		if v.Code != "" {
			fmt.Fprintf(&p.out, " code=%s", v.Code)
		}
		p.out.WriteString("\n")
	}
}

func (p *player) cmdEngines(args) {
	for v := range p.state.Engines(blue) {
		fmt.Fprintf(&p.out, "  %s %s incarnation=%s free: %s attempts=%d", v.ID, v.State, v.Incarnation, texts.Amounts(v.Free), v.Attempts)
		if len(v.Used) > 0 {
			fmt.Fprintf(&p.out, " used: %s", texts.Amounts(v.Used))
		}
		p.out.WriteString("\n")
	}
}
