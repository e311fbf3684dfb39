package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// patience is how long a command that was interrupted waits for what it has sent.
const patience = 5 * time.Second

// origin is the line that an entry comes from; line is 0 if it is all of the input.
type origin struct {
	file string
	line int
}

func (o origin) String() string {
	if o.line == 0 {
		return o.file
	}
	return fmt.Sprintf("line %d of %s", o.line, o.file)
}

// sent is an item whose outcome is not known yet, or that was there.
type sent struct {
	from        origin
	hash        uint64 // of the payload
	contentType string
	entry       queue.Entry // if it was there
}

// tally counts what became of items.
type tally struct {
	app     *cli.App
	queue   *queue.Queue
	numbers *numbers // that make IDs; nil if the queue makes them
	seed    maphash.Seed

	mu      sync.Mutex
	open    map[int]sent // by number
	number  int
	settled chan struct{} // has room for one: something has settled

	in      int
	there   []sent // entries with their IDs were
	same    int    // of these hold the same
	refused int
	unknown []origin
	unsent  *origin
	whole   bool  // all of the input is one item
	why     error // the first one of a refusal, or of what is not known
}

func newTally(a *cli.App, q *queue.Queue) *tally {
	return &tally{app: a, queue: q, seed: maphash.MakeSeed(), open: map[int]sent{}, settled: make(chan struct{}, 1)}
}

// start puts an item in. The error says why no further one can be.
func (t *tally) start(ctx context.Context, from origin, item queue.Item) error {
	if item.ID == "" && t.numbers != nil {
		id, err := t.numbers.next(ctx)
		if err != nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.unsent = &from
			return err
		}
		item.ID = id
	}
	t.mu.Lock()
	n := t.number
	t.number++
	t.open[n] = sent{from: from, hash: maphash.Bytes(t.seed, item.Payload), contentType: item.Type}
	t.mu.Unlock()
	err := t.queue.Start(ctx, item, func(r queue.Result) { t.settle(n, r) })
	var refused *queue.Refused
	switch {
	case errors.As(err, &refused):
		t.settle(n, queue.Result{Err: err})
	case err != nil:
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.open, n)
		t.unsent = &from
		return err
	}
	return nil
}

// settle notes what became of an item.
func (t *tally) settle(n int, r queue.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.open[n]
	delete(t.open, n)
	var refused *queue.Refused
	switch {
	case r.Err == nil:
		t.in++
		_ = printPlace(t.app, r.Entry, t.queue.Creation(), s.from) // The output remembers its first error.
	case errors.Is(r.Err, queue.ErrDuplicate) && r.Entry.ID != "":
		s.entry = r.Entry
		t.there = append(t.there, s)
	case errors.As(r.Err, &refused):
		t.refuse(s.from, r.Err)
	default:
		t.unknown = append(t.unknown, s.from)
		t.why = cmp.Or(t.why, withoutCall(r.Err))
	}
	select {
	case t.settled <- struct{}{}:
	default:
	}
}

// bad notes a line that is no item.
func (t *tally) bad(from origin, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refuse(from, err)
}

// refuse says why an item was not put in; t.mu is held.
func (t *tally) refuse(from origin, err error) {
	t.refused++
	t.why = cmp.Or(t.why, err)
	var refused *queue.Refused
	switch {
	case t.whole: // It is the error of the command.
	case t.app.JSON() && errors.As(err, &refused):
		_ = t.app.Object(viewRefusal(refused, &from)) // The output remembers its first error.
		fallthrough
	default:
		t.app.Notef("%s: %v\n", from, err)
	}
}

// await waits until all that was sent has settled; when ctx has ended no longer than patience.
func (t *tally) await(ctx context.Context) {
	interrupted, given := ctx.Done(), make(<-chan time.Time)
	for waits := true; waits && t.left() > 0; {
		select {
		case <-t.settled:
		case <-interrupted:
			timer := time.NewTimer(patience)
			defer timer.Stop()
			interrupted, given = nil, timer.C
		case <-given:
			waits = false
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, s := range t.open {
		t.unknown = append(t.unknown, s.from)
		delete(t.open, n)
	}
}

func (t *tally) left() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open)
}

// compare tells of entries that were there whether they hold what was to be put in.
func (t *tally) compare(ctx context.Context) {
	ctx, over := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer over()
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortFunc(t.there, func(a, b sent) int { return cmp.Compare(a.entry.Seq, b.entry.Seq) }) // One request for many.
	for _, s := range t.there {
		p, err := t.queue.Payload(ctx, s.entry)
		switch {
		case err != nil:
			t.app.Notef("%s: an entry with the ID %.99q is there; whether it holds the same is not known: %v\n", s.from, s.entry.ID, err)
		case maphash.Bytes(t.seed, p.Data) != s.hash || p.Type != s.contentType:
			t.refuse(s.from, &queue.Refused{
				Queue: t.queue.Name(), What: fmt.Sprintf("enqueue %.99q", s.entry.ID), ID: s.entry.ID, Code: events.CodeDuplicateEntry, Entry: &s.entry,
				Detail: fmt.Sprintf("the queue holds an entry with that ID, at %d, and it holds something else", s.entry.Seq),
			})
			continue
		}
		t.same++
		_ = printPlace(t.app, s.entry, t.queue.Creation(), s.from) // The output remembers its first error.
	}
	t.there = nil
}

// summary is the error of the command; err ended the reading.
func (t *tally) summary(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := fmt.Sprintf("%d put in, %d were there, %d refused, %d not known", t.in, t.same, t.refused, len(t.unknown))
	if len(t.unknown) > 0 {
		counts += fmt.Sprintf(": %s; look whether they are there (spanway queue list %s --payloads), and put in those that are not; what has an ID of its own (--id, or id with --ndjson) can be put in again without a look",
			ranges(t.unknown), t.queue.Name())
	}
	if t.unsent != nil && t.unsent.line > 0 {
		counts += fmt.Sprintf("; nothing was sent from %s on", t.unsent)
	}
	switch {
	case t.whole && t.refused > 0:
		return t.why
	case err != nil:
		return fmt.Errorf("%s: %w", counts, err)
	case len(t.unknown) > 0:
		return &notAll{counts, cli.ExitUnavailable, t.why}
	case t.refused > 0:
		return &notAll{counts, cli.ExitRefused, nil}
	case t.whole && t.same > 0:
		t.app.Notef("it was there, with the same payload\n")
	case t.same > 0:
		t.app.Notef("%s\n", counts)
	}
	return nil
}

// ranges names lines: "lines 3 to 7 of a, line 1 of b".
func ranges(of []origin) (out string) {
	slices.SortFunc(of, func(a, b origin) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
	const most = 10
	n := 0
	for i := 0; i < len(of); n++ {
		first := of[i]
		last := first
		for i++; i < len(of) && of[i].file == first.file && of[i].line == last.line+1; i++ {
			last = of[i]
		}
		switch {
		case n == most:
			return out + ", and others"
		case n > 0:
			out += ", "
		}
		if last == first {
			out += first.String()
		} else {
			out += fmt.Sprintf("lines %d to %d of %s", first.line, last.line, first.file)
		}
	}
	return out
}

// notAll says that some lines were not put in; why was said of each, or is the same for all.
type notAll struct {
	counts string
	code   int
	why    error
}

func (e *notAll) Error() string {
	if e.why != nil {
		return fmt.Sprintf("%s: %v", e.counts, e.why)
	}
	return e.counts
}

// ExitCode is that of the program.
func (e *notAll) ExitCode() int { return e.code }

// withoutCall is the reason why an outcome is not known: that a program may resolve the call
// is of no use here.
func withoutCall(err error) error {
	var unknown *sharedlog.UnknownError
	if errors.As(err, &unknown) {
		return unknown.Err
	}
	return err
}
