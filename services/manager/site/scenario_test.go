package site_test

import (
	"flag"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/services/manager/managertest"
	"github.com/spanway/spanway/services/manager/site"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios print into their files")

// player decides what comes to ams, and folds what was decided a second time.
type player struct {
	t             *testing.T
	core, replica *site.Core
	now           int64
	out           strings.Builder
}

var config = site.Config{Site: "ams", Topics: events.Topics{Prefix: events.DefaultPrefix}}

func (p *player) emit(m proto.Message) {
	p.core.Apply(events.Logged{Message: m})
	p.replica.Apply(events.Logged{Message: proto.Clone(m)})
	p.out.WriteString(managertest.Show(m))
	p.core.Publish(events.Logged{Message: m}, func(o events.Outgoing) {
		task, ok := o.Message.(*events.TaskRequested)
		if !ok {
			fmt.Fprintf(&p.out, "to %s/%d: cancel %s\n", o.Topic, o.Partition, o.Message.(*events.TaskCancelRequested).TaskId)
			return
		}
		fmt.Fprintf(&p.out, "to %s/%d: %s %s where %s, %d bytes\n", o.Topic, o.Partition, task.Kind, task.TaskId, task.Predicate, min(len(task.Payload), 1))
		for _, h := range o.Headers {
			fmt.Fprintf(&p.out, "with %s: %s\n", h.Key, h.Value)
		}
	})
}

func (p *player) decide(m proto.Message) {
	now := events.Clock{Now: p.now, ReadTo: p.now}
	p.core.Decide(events.Input[site.Input]{Value: site.Input{ID: "1", Message: m}}, now, p.emit)
	for p.core.Advance(now, p.emit) {
	}
}

// run runs a command: a type of what comes to the inbox and its fields, the end of a task, or
// one of those that look.
func (p *player) run(command, rest string) string {
	p.out.Reset()
	switch command {
	case "wait":
		seconds, err := strconv.ParseInt(rest, 10, 64)
		if err != nil {
			p.t.Fatal(err)
		}
		p.now += seconds * 1000
		p.decide(nil)
	case "lost":
		p.emit(&events.LogTailLost{SeenN: 7})
	case "reset":
		p.emit(&events.LogLossAccepted{To: 3_000_000})
	case "succeeded":
		p.decide(&events.TaskSucceeded{TaskId: rest})
	case "failed":
		p.decide(&events.TaskFailed{TaskId: rest, Error: &events.TaskError{Message: "no such interface"}})
	case "expired":
		p.decide(&events.TaskExpired{TaskId: rest})
	case "missed": // Records of tasks.events were deleted unread.
		p.decide(&events.NetworkEndsMissed{Partition: 11, From: 5, To: 9})
	case "misses": // And the owner ends before it goes on.
		p.emit(&events.NetworkEndsMissed{Partition: 11, From: 9, To: 12})
	case "snapshot":
		fresh := site.New(config)
		if err := fresh.Restore(p.core.Snapshot(nil)); err != nil {
			p.t.Fatal(err)
		}
		p.core = fresh
	case "objects":
		for _, s := range p.core.Statuses() {
			fmt.Fprintf(&p.out, "%s %v, entry %d, wanted %v, local %v, realised %v %s%s\n", s.Path, s.Standing, s.Sequence, s.Wanted != nil, s.Local != nil, s.Realised != nil, s.Reason, s.WaitsFor)
		}
	case "figures":
		f := p.core.Figures()
		fmt.Fprintf(&p.out, "%v, behind %d\n", f.Objects, f.Behind)
	case "wakes":
		at, _ := p.core.Wakes()
		fmt.Fprintf(&p.out, "%s\n", map[bool]string{true: "never by itself", false: strconv.FormatInt(at, 10)}[at == math.MaxInt64])
	case "report":
		p.out.WriteString(managertest.Show(p.core.Report()))
	case "end": // Of a full sync of these objects, as JSON of an entry's puts.
		id, puts, _ := strings.Cut(rest, " ")
		e := managertest.Read(p.t, "entry", puts).(*events.NetworkEntry)
		var objects []*network.Object
		for _, r := range e.Puts {
			objects = append(objects, network.FromRevised(r))
		}
		p.decide(&events.NetworkSyncEnd{SyncId: id, Segments: uint32(e.Sequence), Digest: network.Digest(objects)})
	default:
		p.decide(managertest.Read(p.t, command, rest))
	}
	return p.out.String()
}

func TestScenarios(t *testing.T) {
	managertest.Play(t, *rewrite, func(t *testing.T) func(command, rest string) string {
		p := &player{t: t, core: site.New(config), replica: site.New(config), now: 1000}
		t.Cleanup(func() {
			if string(p.core.Snapshot(nil)) != string(p.replica.Snapshot(nil)) {
				t.Error("the state that decided differs from the one that only folded")
			}
			fresh := site.New(config)
			if err := fresh.Restore(p.core.Snapshot(nil)); err != nil || string(fresh.Snapshot(nil)) != string(p.core.Snapshot(nil)) {
				t.Errorf("restored, it differs: %v", err)
			}
		})
		return p.run
	})
}
