package network_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/managertest"
	"github.com/spanway/spanway/services/manager/network"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios print into their files")

// player decides commands, and folds what was decided a second time.
type player struct {
	t             *testing.T
	core, replica *network.Core
	now           int64
	requests      int
	out           strings.Builder
}

func (p *player) emit(m proto.Message) {
	p.core.Apply(events.Logged{Message: m})
	p.replica.Apply(events.Logged{Message: proto.Clone(m)})
	p.out.WriteString(managertest.Show(m))
}

func (p *player) decide(id string, m proto.Message) {
	p.core.Decide(events.Input[network.Command]{Value: network.Command{ID: id, Message: m}}, p.clock(), p.emit)
	p.advance()
}

func (p *player) clock() events.Clock { return events.Clock{Now: p.now, ReadTo: p.now} }

func (p *player) advance() {
	for p.core.Advance(p.clock(), p.emit) {
	}
}

// run runs a command: a type of request and its fields, or one of those that look.
func (p *player) run(command, rest string) string {
	p.out.Reset()
	switch command {
	case "wait":
		seconds, err := strconv.ParseInt(rest, 10, 64)
		if err != nil {
			p.t.Fatal(err)
		}
		p.now += seconds * 1000
		p.advance()
	case "again":
		id, rest, _ := strings.Cut(rest, " ")
		name, fields, _ := strings.Cut(rest, " ")
		p.decide(id, managertest.Read(p.t, name, fields))
	case "snapshot": // Another owner goes on.
		fresh := network.NewBounded(4)
		if err := fresh.Restore(p.core.Snapshot(nil)); err != nil {
			p.t.Fatal(err)
		}
		p.core = fresh
	case "entries":
		for n := uint64(1); n <= p.core.Last(rest); n++ {
			if e := p.core.Entry(rest, n); e != nil {
				p.out.WriteString(managertest.Show(e))
			}
		}
	case "sync":
		of, ok := p.core.Sync(rest)
		fmt.Fprintf(&p.out, "%v %v\n", ok, of.Begin.GetBase())
		for _, o := range of.Objects {
			fmt.Fprintf(&p.out, "%s@%d\n", o.Path, o.Revision)
		}
	case "change":
		number, _ := strconv.ParseUint(rest, 10, 64)
		at, ok := p.core.ChangeStatus(number)
		if !ok {
			return "not remembered\n"
		}
		fmt.Fprintf(&p.out, "%v", network.Worst(at))
		for _, site := range slices.Sorted(maps.Keys(at)) {
			fmt.Fprintf(&p.out, ", %s %v", site, at[site])
		}
		p.out.WriteString("\n")
	case "sites":
		for _, s := range p.core.Sites() {
			fmt.Fprintf(&p.out, "%s applied %d of %d, syncing %v %s, overdue %d\n", s.Site.Name, s.Applied, s.Last, s.Syncing, s.Reason, s.Overdue)
		}
	default:
		p.requests++
		p.decide(fmt.Sprint("r", p.requests), managertest.Read(p.t, command, rest))
	}
	return p.out.String()
}

func TestScenarios(t *testing.T) {
	managertest.Play(t, *rewrite, func(t *testing.T) func(command, rest string) string {
		p := &player{t: t, core: network.NewBounded(4), replica: network.NewBounded(4), now: 1000}
		t.Cleanup(func() {
			if string(p.core.Snapshot(nil)) != string(p.replica.Snapshot(nil)) {
				t.Error("the state that decided differs from the one that only folded")
			}
			fresh := network.NewBounded(4)
			if err := fresh.Restore(p.core.Snapshot(nil)); err != nil || string(fresh.Snapshot(nil)) != string(p.core.Snapshot(nil)) {
				t.Errorf("restored, it differs: %v", err)
			}
		})
		return p.run
	})
}
