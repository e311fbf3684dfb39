package queue_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	verify "github.com/spanway/spanway/internal/verify/queue"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// asked is a call or a read, answered what it gave.
type asked struct {
	op    string // enqueue, remove, claim, done, list
	id    string
	token int64
	tag   string // what the record of the call says of it
}

type answered struct {
	code  events.Code
	id    string // that was claimed
	token int64
	list  string
}

// A state of the model is the entries in their order, each with the token of its claim or
// 0, and then what was removed: "a:0 b:17|c d".
var model = porcupine.Model{
	Init: func() any { return "|" },
	Step: func(state, input, output any) (bool, any) {
		held, gone, _ := strings.Cut(state.(string), "|")
		entries, removed := strings.Fields(held), strings.Fields(gone)
		in, out := input.(asked), output.(answered)
		at := slices.IndexFunc(entries, func(e string) bool { return in.id != "" && strings.HasPrefix(e, in.id+":") })
		var code events.Code
		switch in.op {
		case "enqueue":
			switch {
			case at >= 0:
				code = events.CodeDuplicateEntry
			case slices.Contains(removed, in.id):
				code = events.CodeAlreadyRemoved
			default:
				entries = append(entries, in.id+":0")
			}
		case "remove", "done":
			switch {
			case in.op == "done" && at >= 0 && entries[at] != fmt.Sprintf("%s:%d", in.id, in.token):
				code = events.CodeStaleClaim
			case at >= 0:
				entries, removed = slices.Delete(entries, at, at+1), append(removed, in.id)
				slices.Sort(removed)
			case in.op == "done":
				code = events.CodeStaleClaim
			case slices.Contains(removed, in.id):
				code = events.CodeAlreadyRemoved
			default:
				code = events.CodeUnknownEntry
			}
		case "claim":
			free := slices.IndexFunc(entries, func(e string) bool { return strings.HasSuffix(e, ":0") })
			switch {
			case free < 0:
				code = events.CodeNothingToClaim
			case entries[free] != out.id+":0":
				return false, state
			default:
				entries[free] = fmt.Sprintf("%s:%d", out.id, out.token)
			}
		case "list":
			var ids []string
			for _, e := range entries {
				id, _, _ := strings.Cut(e, ":")
				ids = append(ids, id)
			}
			return out.list == strings.Join(ids, " "), state
		}
		return out.code == code, strings.Join(entries, " ") + "|" + strings.Join(removed, " ")
	},
}

// Calls and barrier reads of many clients on two hosts are linearizable.
func TestLinearizable(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	for round := range uint64(8) {
		name := fmt.Sprintf("q%d", round)
		hosts := []*queue.Queue{create(t, c, name, queue.Rules{}), open(t, c, name)}
		var mu sync.Mutex
		var history []porcupine.Operation
		var calling sync.WaitGroup
		start := time.Now()
		for client := range 6 {
			host, r := hosts[client%2], rand.New(rand.NewPCG(round, uint64(client)))
			calling.Go(func() {
				var mine asked // the newest claim of this client
				for n := range 8 {
					in := asked{op: []string{"enqueue", "enqueue", "remove", "claim", "claim", "done", "list"}[r.IntN(7)], id: string(rune('a' + r.IntN(5)))}
					in.tag = fmt.Sprintf("%d of %d", n, client)
					switch in.op {
					case "done":
						if mine.id == "" {
							continue
						}
						in.id, in.token = mine.id, mine.token
						in.tag = fmt.Sprintf("done %s %d", in.id, in.token)
					case "claim", "list":
						in.id = ""
					}
					called := time.Since(start)
					out, err := ask(t, host, in)
					returned := time.Since(start)
					if err != nil {
						t.Error(err)
						return
					}
					if in.op == "claim" && out.code == "" {
						mine = asked{id: out.id, token: out.token}
					}
					mu.Lock()
					history = append(history, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: int64(called), Return: int64(returned)})
					mu.Unlock()
				}
			})
		}
		calling.Wait()
		if ctx.Err() != nil || t.Failed() {
			t.Fatal(ctx.Err())
		}
		// A history of this length is judged in milliseconds; the bound only ends a hang.
		if result := porcupine.CheckOperationsTimeout(model, history, 30*time.Second); result == porcupine.Illegal {
			t.Fatalf("round %d: the history is not linearizable: %+v", round, history)
		}
		told(t, c, name, hosts[0], history)
	}
}

// told has the log of a queue judged, and holds what each caller was told against it.
func told(t *testing.T, c *cluster.Cluster, name string, host *queue.Queue, history []porcupine.Operation) {
	t.Helper()
	codes := map[string][]events.Code{}
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	for _, o := range history {
		in, out := o.Input.(asked), o.Output.(answered)
		if in.op == "claim" {
			in.tag = claimTag(out.token, out.code)
		}
		if in.op != "list" {
			codes[in.tag] = append(codes[in.tag], out.code)
		}
	}
	topic := events.DefaultPrefix + "queue." + name
	p := verify.NewPartition(topic, verify.Options{})
	var call [16]byte
	var code events.Code
	p.Decided = func(id [16]byte, _ int64, verdict events.Code) { call, code = id, verdict }
	start, end, err := c.Offsets(within(t), topic, 0)
	for err == nil && start < end {
		var page events.Page
		page, err = c.Partition(topic, 0).Fetch(within(t), start, time.Second)
		for i := range page.Records {
			call = [16]byte{}
			p.Feed(&page.Records[i])
			tag := tagOf(&page.Records[i], code)
			if len(codes[tag]) > 0 && call != [16]byte{} {
				p.Told(call, codes[tag][0])
				codes[tag] = codes[tag][1:]
			}
		}
		start = page.Next
	}
	if err != nil {
		t.Fatal(err)
	}
	for tag, left := range codes {
		if len(left) > 0 {
			t.Errorf("the call %q was answered with %q, and the log does not have it", tag, left)
		}
	}
	page, err := host.Entries(within(t), -1, 100, true)
	if err != nil {
		t.Fatal(err)
	}
	var ordering []verify.Place
	for _, e := range page.Entries {
		ordering = append(ordering, verify.Place{ID: e.ID, Seq: e.Seq})
	}
	p.Ordering(ordering)
	if r := p.Report(); !r.OK() || r.Calls == 0 {
		t.Errorf("of %d calls, the verifier finds: %+v", r.Calls, r.Findings)
	}
}

// claimTag is that of a claim: its place, or that it was refused.
func claimTag(offset int64, code events.Code) string {
	if code != "" {
		return "claim refused"
	}
	return fmt.Sprintf("claim at %d", offset)
}

// tagOf is the tag of the call that a record makes; "" if it has none.
func tagOf(r *events.Record, code events.Code) string {
	m, _ := events.Message(r)
	switch m := m.(type) {
	case *events.QueueEnqueued:
		return string(m.Payload)
	case *events.QueueRemoved:
		return m.Reason
	case *events.QueueClaimed:
		return claimTag(r.Offset, code)
	case *events.QueueDone:
		return fmt.Sprintf("done %s %d", m.Id, m.Token)
	}
	return ""
}

// ask makes a call, and returns its answer in the words of the model.
func ask(t *testing.T, q *queue.Queue, in asked) (out answered, err error) {
	ctx := within(t)
	switch in.op {
	case "enqueue":
		_, err = q.Enqueue(ctx, queue.Item{ID: in.id, Payload: []byte(in.tag)})
	case "remove":
		err = q.Remove(ctx, in.id, in.tag)
	case "done":
		err = q.Done(ctx, in.id, in.token)
	case "claim":
		var c queue.Claimed
		if c, err = q.Claim(ctx, queue.Request{Lease: time.Hour}); err == nil {
			out.id, out.token = c.Entries[0].ID, c.Token
		}
	case "list":
		var p queue.Page
		p, err = q.Entries(ctx, -1, 100, true)
		var ids []string
		for _, e := range p.Entries {
			ids = append(ids, e.ID)
		}
		out.list = strings.Join(ids, " ")
	}
	var refused *queue.Refused
	if errors.As(err, &refused) {
		out.code, err = refused.Code, nil
	}
	return out, err
}

// The judge finds what must not be: two removals of one entry, an entry that is claimed
// twice, a read that is behind.
func TestTheJudgeOfHistories(t *testing.T) {
	at := int64(0)
	op := func(in asked, out answered) porcupine.Operation {
		at += 2
		return porcupine.Operation{Input: in, Output: out, Call: at, Return: at + 1}
	}
	put := op(asked{op: "enqueue", id: "a"}, answered{})
	for name, history := range map[string][]porcupine.Operation{
		"removed twice": {put, op(asked{op: "remove", id: "a"}, answered{}), op(asked{op: "remove", id: "a"}, answered{})},
		"claimed twice": {put, op(asked{op: "claim"}, answered{id: "a", token: 7}), op(asked{op: "claim"}, answered{id: "a", token: 8})},
		"a read behind": {put, op(asked{op: "list"}, answered{})},
		"it comes back": {put, op(asked{op: "remove", id: "a"}, answered{}), op(asked{op: "enqueue", id: "a"}, answered{})},
		"a false order": {put, op(asked{op: "enqueue", id: "b"}, answered{}), op(asked{op: "list"}, answered{list: "b a"})},
	} {
		if porcupine.CheckOperations(model, history) {
			t.Errorf("%s: the judge finds nothing", name)
		}
		if !porcupine.CheckOperations(model, history[:1]) {
			t.Errorf("%s: the judge finds something in its beginning", name)
		}
	}
}
