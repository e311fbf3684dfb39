package e2e_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/spaces"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// judge stops the callers and holds what they were told against one another, against the
// fold of the log, and against what the verifier finds out.
func (w *idWorld) judge() spaces.Report {
	w.t.Helper()
	w.callers.stop()
	for _, text := range w.twice() {
		w.t.Error(text)
	}
	w.noneLost()
	w.sameAgain()
	r := w.verified()
	if len(r.Findings) > 0 {
		w.t.Errorf("the verifier finds: %+v", r.Findings)
	}
	w.t.Logf("%d grants were told, %d requests were made again; in the log %d grants, %d answers; refused %v",
		len(w.callers.told), w.callers.repeats, r.Grants, r.Answers, r.Refused)
	return r
}

// twice finds identifiers that are in two ranges, of those that were not given back.
func (w *idWorld) twice() (found []string) {
	var held []ids.Grant
	for id, g := range w.callers.told {
		if !w.callers.given[id] {
			held = append(held, g)
		}
	}
	slices.SortFunc(held, func(a, b ids.Grant) int { return cmp.Compare(a.From, b.From) })
	for i := 1; i < len(held); i++ {
		if a, b := held[i-1], held[i]; b.From <= a.To {
			found = append(found, fmt.Sprintf("told twice: [%d, %d] to %s and [%d, %d] to %s", a.From, a.To, a.RequestID, b.From, b.To, b.RequestID))
		}
	}
	return found
}

// noneLost finds each grant that a caller was told of in the fold of the log.
func (w *idWorld) noneLost() {
	w.t.Helper()
	topic, partition := w.log()
	core := idspace.New()
	fold := sharedlog.NewFold(core, sharedlog.Horizon)
	r := eventlog.NewSharedReader(w.cluster.Partition(topic, partition), topic, partition)
	if err := r.Barrier(w.t.Context(), func(l events.Logged, _ *events.Record) { fold.Apply(l) }); err != nil {
		w.t.Fatal(err)
	}
	for id, told := range w.callers.told {
		g, ok := core.Space(idSpace).Grant(id)
		if !ok || g.From != told.From || g.To != told.To || g.Offset != told.Offset || g.Owner != told.Owner {
			w.t.Errorf("%s was told of [%d, %d] at %d; the log has %+v", id, told.From, told.To, told.Offset, g)
		}
		if !w.callers.given[id] && g.Live != told.To-told.From+1 {
			w.t.Errorf("%s was told of [%d, %d] and has given nothing back; %d of them are live", id, told.From, told.To, g.Live)
		}
	}
}

// sameAgain asks for some of the grants once more: of one that was given back it is told so,
// unless the release was never answered.
func (w *idWorld) sameAgain() {
	w.t.Helper()
	n := 0
	for id, told := range w.callers.told {
		if n++; n > 10 {
			return
		}
		g, err := w.callers.client.Grant(w.t.Context(), ids.Want{Space: idSpace, Count: 4, Owner: told.Owner, RequestID: id})
		if w.callers.given[id] && ids.IsRefused(err, events.CodeGrantEnded) {
			continue
		}
		if err != nil || g.From != told.From || g.To != told.To || g.Offset != told.Offset {
			w.t.Errorf("%s was told of [%d, %d] at %d, and when it asks again of [%d, %d] at %d, %v", id, told.From, told.To, told.Offset, g.From, g.To, g.Offset, err)
		}
	}
}

// verified has the log of the space judged from its records alone.
func (w *idWorld) verified() spaces.Report {
	w.t.Helper()
	topic, n := w.log()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	start, end, err := w.cluster.Offsets(ctx, topic, n)
	if err != nil {
		w.t.Fatal(err)
	}
	judge := spaces.NewPartition(topic, n, chain.Options{})
	for log := w.cluster.Partition(topic, n); start < end; {
		page, err := log.Fetch(ctx, start, time.Second)
		if err != nil {
			w.t.Fatal(err)
		}
		for i := range page.Records {
			judge.Feed(&page.Records[i])
		}
		start = page.Next
	}
	return judge.Report()
}

// until waits until the verifier has found something, while callers ask.
func (w *idWorld) until(what string, check func(spaces.Report) bool) {
	w.t.Helper()
	for range 100 {
		if check(w.verified()) {
			return
		}
		w.callers.progress("until " + what)
	}
	w.t.Fatalf("never: %s", what)
}

// log is the partition that the space is in.
func (w *idWorld) log() (topic string, partition int32) {
	return events.Topics{Prefix: w.prefix}.IDEvents(), events.SpacePartition(idSpace)
}
