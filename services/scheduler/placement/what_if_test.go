package placement

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

func init() { commands["foretell"] = (*player).cmdForetell }

// cmdForetell: foretell where "..." slots=1 priority=9 kind=k
func (p *player) cmdForetell(a args) {
	r := &events.TaskRequested{TaskId: "?", Pool: blue, Kind: "k", Predicate: a.named["where"], Needs: map[string]*structpb.Value{}}
	for _, name := range a.order {
		switch value := a.named[name]; name {
		case "where":
		case "kind":
			r.Kind = value
		case "priority":
			n, _ := strconv.Atoi(value)
			r.Priority = new(int32)
			*r.Priority = int32(n)
		default:
			r.Needs[name] = structpb.NewStringValue(value)
		}
	}
	t, err := request.New(nil).Check(r)
	if err != nil {
		p.tb.Fatal(err)
	}
	before := p.state.Hash()
	x := p.state.ExplainRequest(t, p.now)
	if p.state.Hash() != before {
		p.tb.Fatal("ExplainRequest changed the state")
	}
	for line := range strings.Lines(texts.Explanation(x)) {
		p.out.WriteString("  " + line)
	}
	for _, f := range x.Engines {
		fmt.Fprintf(&p.out, "    %s: %s %v %v\n", f.Engine, f.Result, f.FalseClauses, texts.Amounts(f.Short))
	}
}

// TestWhatIfForetells: what ExplainRequest says of a request is what becomes of it.
func TestWhatIfForetells(t *testing.T) {
	for _, where := range []string{"", "engine.labels.gpu >= 1", "engine.site == 'us'", "engine.free.slots >= 2", "engine.labels.none == 1"} {
		for _, slots := range []string{"1", "2", "3", "9"} {
			w := newWorld(t, Config{})
			w.engine("e1", "1", map[string]int64{"slots": 2}, map[string]any{"gpu": 1})
			w.engine("e2", "1", map[string]int64{"slots": 3}, nil)
			w.submit("first", "engine.labels.gpu >= 1")
			w.advance()
			r := &events.TaskRequested{
				TaskId: "second", Pool: blue, Kind: "k", Predicate: where,
				Needs: map[string]*structpb.Value{"slots": structpb.NewStringValue(slots)},
			}
			task, err := request.New(nil).Check(r)
			if err != nil {
				t.Fatal(err)
			}
			x := w.state.ExplainRequest(task, w.now)
			w.send(r)
			w.advance()
			placed := w.task("second").status == assigned
			if placed != (x.Reason == "") || placed != (x.Counts.WithCapacity > 0) {
				t.Errorf("where %q, %s slots: foretold %q with %d engines, placed: %v", where, slots, x.Reason, x.Counts.WithCapacity, placed)
			}
			if y, _ := w.state.Explain(blue, "second", w.now); y.Reason != x.Reason {
				t.Errorf("where %q, %s slots: foretold %q, then %q", where, slots, x.Reason, y.Reason)
			}
		}
	}
}
