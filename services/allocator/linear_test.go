package allocator_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/anishathalye/porcupine"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// asked is a command, told what its requester was told of it.
type asked struct {
	op    string // grant, renew, release
	id    string
	count int64
}

type told struct {
	code     events.Code
	from, to int64
}

// The space of the model: so small that it is full most of the time.
const (
	lastOfModel     = 8
	maxCountOfModel = 3
)

// held is a grant of the model: it is never forgotten, and may have ended.
type held struct {
	id       string
	from, to int64
	ended    bool
}

// A state of the model is what every request ID was granted, in the order of those IDs.
var grantModel = porcupine.Model{
	Init: func() any { return []held(nil) },
	Step: func(state, input, output any) (bool, any) {
		all, in, out := state.([]held), input.(asked), output.(told)
		i, known := slices.BinarySearchFunc(all, in.id, func(h held, id string) int { return cmp.Compare(h.id, id) })
		if in.op == "grant" && !known {
			ok := grantable(all, in, out)
			if ok && out.code == "" {
				all = slices.Insert(slices.Clone(all), i, held{id: in.id, from: out.from, to: out.to})
			}
			return ok, all
		}
		switch {
		case in.op == "grant" && all[i].to-all[i].from+1 != in.count:
			return out.code == events.CodeRequestMismatch, all
		case in.op == "grant" && all[i].ended:
			return out.code == events.CodeGrantEnded, all
		case in.op == "grant":
			return out == told{from: all[i].from, to: all[i].to}, all
		case !known:
			return out.code == events.CodeUnknownGrant, all
		case all[i].ended:
			return out.code == events.CodeGrantEnded, all
		case in.op == "renew":
			return out.code == "", all
		}
		all = slices.Clone(all)
		all[i].ended = true
		// A release may be decided, come again because its allocator lost the partition
		// before it answered, and be decided once more.
		return out.code == "" || out.code == events.CodeGrantEnded, all
	},
	Equal: func(a, b any) bool { return slices.Equal(a.([]held), b.([]held)) },
}

// grantable tells whether a request whose ID has no grant may be told this.
func grantable(all []held, in asked, out told) bool {
	free := func(from, to int64) bool {
		return !slices.ContainsFunc(all, func(h held) bool { return !h.ended && h.from <= to && from <= h.to })
	}
	switch {
	case in.count > maxCountOfModel:
		return out.code == events.CodeBadCount
	case out.code == events.CodeExhausted:
		for from := int64(1); from+in.count-1 <= lastOfModel; from++ {
			if free(from, from+in.count-1) {
				return false
			}
		}
		return true
	}
	return out.code == "" && out.from >= 1 && out.to <= lastOfModel && out.to-out.from+1 == in.count && free(out.from, out.to)
}

// Grants, renewals and releases by many clients through two allocators are linearizable,
// whether the two meet in Redis or only in the log.
func TestLinearizable(t *testing.T) {
	t.Run("one Redis", func(t *testing.T) {
		server := miniredis.RunT(t)
		_, c := system(t, patient, opened(t, server.Addr()), opened(t, server.Addr()))
		for round := range uint64(6) {
			linear(t, history(t, c, round))
		}
	})
	// Each proposes what the other has granted. What is told is linearizable; what was
	// proposed first is not, so an allocator that answers before the log has decided is
	// found.
	t.Run("two stores", func(t *testing.T) {
		cl, c := system(t, patient, store.NewMemory(), store.NewMemory())
		early, late := 0, time.Now().Add(2*time.Minute)
		for round := uint64(0); round < 6 || early == 0; round++ {
			if time.Now().After(late) {
				t.Fatal("what was proposed first is linearizable in all histories")
			}
			h := history(t, c, round)
			linear(t, h)
			if porcupine.CheckOperationsTimeout(grantModel, proposed(t, cl, spaceOf(round), h), 10*time.Second) == porcupine.Illegal {
				early++
			}
		}
	})
}

func patient(c *allocator.Config) { c.Patience = time.Minute }

func spaceOf(round uint64) string { return fmt.Sprintf("s%d", round) }

// linear demands that a history is linearizable. One of this length is judged in
// milliseconds; the bound only ends a hang.
func linear(t *testing.T, h []porcupine.Operation) {
	t.Helper()
	if porcupine.CheckOperationsTimeout(grantModel, h, 30*time.Second) == porcupine.Illegal {
		t.Fatalf("the history is not linearizable: %+v", h)
	}
}

// history has six clients ask for ranges of a new space, and returns what they were told.
func history(t *testing.T, c *ids.Client, round uint64) (h []porcupine.Operation) {
	t.Helper()
	must(t, c.Declare(t.Context(), ids.Rules{Space: spaceOf(round), From: 1, To: lastOfModel, MaxCount: maxCountOfModel, Quarantine: -1}))
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now()
	for client := range 6 {
		r := rand.New(rand.NewPCG(round, uint64(client)))
		all.Go(func() {
			last := asked{id: fmt.Sprintf("%d-never", client), count: 1} // the newest grant of this client
			for n := range 8 {
				in := last
				switch in.op = []string{"grant", "grant", "grant", "again", "renew", "release", "release"}[r.IntN(7)]; in.op {
				case "grant":
					in = asked{op: "grant", id: fmt.Sprintf("%d-%d", client, n), count: 1 + r.Int64N(maxCountOfModel)}
					if r.IntN(20) == 0 {
						in.count = maxCountOfModel + 1
					}
				case "again": // The same request ID, at times with another count.
					in.op = "grant"
					if r.IntN(3) == 0 {
						in.count = in.count%maxCountOfModel + 1
					}
				}
				called := time.Since(start)
				out, err := ask(t.Context(), c, spaceOf(round), in)
				returned := time.Since(start)
				if err != nil {
					t.Errorf("%+v: %v", in, err)
					return
				}
				if in.op == "grant" && out.code == "" {
					last = in
				}
				mu.Lock()
				h = append(h, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: int64(called), Return: int64(returned)})
				mu.Unlock()
			}
		})
	}
	if all.Wait(); t.Failed() {
		t.FailNow()
	}
	return h
}

// ask gives a command, and returns what was told in the words of the model.
func ask(ctx context.Context, c *ids.Client, space string, in asked) (out told, err error) {
	grant := ids.Grant{Space: space, RequestID: in.id, Owner: "o"}
	switch in.op {
	case "grant":
		grant, err = c.Grant(ctx, ids.Want{Space: space, RequestID: in.id, Owner: "o", Count: in.count})
		out.from, out.to = grant.From, grant.To
	case "renew":
		_, err = c.Renew(ctx, grant, time.Hour)
	case "release":
		err = c.Release(ctx, grant)
	}
	var refused *ids.Refused
	if errors.As(err, &refused) {
		out.code, err = refused.Code, nil
	}
	return out, err
}

// proposed is a history as it would be if each grant were told as it was proposed first,
// before the log has decided.
func proposed(t *testing.T, c *cluster.Cluster, space string, h []porcupine.Operation) []porcupine.Operation {
	t.Helper()
	first := map[string]told{}
	for _, r := range grantLog(t, c, events.SpacePartition(space)) {
		if m, ok := message(&r).(*events.IdsRangeGranted); ok && m.Space == space && first[m.RequestId] == (told{}) {
			first[m.RequestId] = told{from: m.From, to: m.To}
		}
	}
	h = slices.Clone(h)
	for i := range h {
		in, out := h[i].Input.(asked), h[i].Output.(told)
		if in.op == "grant" && out.code == "" {
			h[i].Output = first[in.id]
		}
	}
	return h
}

// The judge of histories finds what must not be.
func TestTheJudgeOfGrants(t *testing.T) {
	t.Parallel()
	at := int64(0)
	op := func(op, id string, count, from, to int64, code events.Code) porcupine.Operation {
		at += 2
		return porcupine.Operation{Input: asked{op, id, count}, Output: told{code, from, to}, Call: at, Return: at + 1}
	}
	a, all := op("grant", "a", 2, 3, 4, ""), op("grant", "all", 3, 6, 8, "")
	for name, bad := range map[string]porcupine.Operation{
		"an overlap":                  op("grant", "b", 3, 4, 6, ""),
		"another count":               op("grant", "b", 3, 1, 2, ""),
		"beyond the end":              op("grant", "b", 3, 7, 9, ""),
		"exhausted with room":         op("grant", "b", 3, 0, 0, events.CodeExhausted),
		"the same, elsewhere":         op("grant", "a", 2, 5, 6, ""),
		"the same, with other counts": op("grant", "a", 3, 3, 5, ""),
		"renewing what is not":        op("renew", "b", 0, 0, 0, ""),
		"releasing what is not":       op("release", "b", 0, 0, 0, events.CodeGrantEnded),
		"it has not ended":            op("renew", "a", 0, 0, 0, events.CodeGrantEnded),
	} {
		if porcupine.CheckOperations(grantModel, []porcupine.Operation{a, bad}) {
			t.Errorf("%s: the judge finds nothing", name)
		}
	}
	good := []porcupine.Operation{
		a, all, op("grant", "b", 3, 0, 0, events.CodeExhausted), op("release", "a", 0, 0, 0, ""), op("grant", "b", 3, 2, 4, ""),
		op("renew", "a", 0, 0, 0, events.CodeGrantEnded), op("grant", "a", 2, 0, 0, events.CodeGrantEnded), op("grant", "c", 4, 0, 0, events.CodeBadCount),
	}
	if !porcupine.CheckOperations(grantModel, good) {
		t.Error("the judge finds something in a sound history")
	}
	if porcupine.CheckOperations(grantModel, append(good[:4:4], op("grant", "a", 2, 3, 4, ""))) {
		t.Error("granted again though it has ended: the judge finds nothing")
	}
	if porcupine.CheckOperations(grantModel, append(good[:4:4], op("release", "a", 0, 0, 0, ""))) {
		t.Error("released twice: the judge finds nothing")
	}
}
