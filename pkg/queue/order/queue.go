package order

import (
	"maps"
	"math"
	"slices"

	"github.com/spanway/spanway/internal/idmap"
)

// Queue is the state of a queue. It is a sharedlog.Core, and for one goroutine.
type Queue struct {
	rules   Rules
	exists  bool
	deleted bool
	// creation is the beginning of the ID of the call that created the queue; 0 if a state of
	// version 1 does not tell.
	creation uint64
	now      int64 // the time of the log
	bytes    int64
	live     *idmap.Map // the sequence number of each entry
	apart    int        // entries that stand elsewhere: this is a part of a queue (Parts)
	index    index
	claims   claims
	past     past
	taken    []Entry // by the claim that was decided last

	// Observe, if set, is told of each change, in order. It is no part of the state.
	Observe func(Change)
}

// New returns the state before the first call: there is no queue.
func New() *Queue {
	return &Queue{live: &idmap.Map{}, claims: claims{bySeq: map[int64]*claim{}}, past: newPast(0)}
}

// Entry is one of the ordering.
type Entry struct {
	ID string
	// Seq is the sequence number: the offset of the record that put it in.
	Seq int64
	// Size is how many bytes the payload has.
	Size int64
	// Claim is nil while the entry is free.
	Claim *Claim
}

// Claim is that of an entry.
type Claim struct {
	Token  int64
	Holder string
	// Ends is when its lease ends, in the time of the log; 0 if the lease has not begun.
	Ends int64
	// UntilMs is when its lease ends at the earliest by the clock of who asked for it, in
	// milliseconds since the Unix epoch; 0 if that is not known. It is for people.
	UntilMs int64
}

// State is what a queue knows of an ID.
type State int

// What a queue knows of an ID.
const (
	Unknown State = iota
	Held
	Removed
)

// Exists tells whether the queue was created and is not deleted.
func (q *Queue) Exists() bool { return q.exists && !q.deleted }

// Deleted tells whether the queue was.
func (q *Queue) Deleted() bool { return q.deleted }

// Creation tells this queue from others that had or will have its name; 0 if there is none,
// or if it is not known.
func (q *Queue) Creation() uint64 { return q.creation }

// Rules returns those of the queue.
func (q *Queue) Rules() Rules { return q.rules }

// Now is the time of the log as the queue knows it, in milliseconds.
func (q *Queue) Now() int64 { return q.now }

// Counts says how much a queue holds.
type Counts struct {
	Entries, Claimed int
	// Bytes of payloads and IDs.
	Bytes int64
	// Removed is how many keys or intervals the removed IDs take; RemovedBytes how much
	// memory.
	Removed      int
	RemovedBytes int64
}

// Counts returns how much the queue holds.
func (q *Queue) Counts() Counts {
	c := Counts{Entries: q.live.Len(), Claimed: len(q.claims.bySeq), Bytes: q.bytes}
	c.Removed, c.RemovedBytes = q.past.cost()
	return c
}

// Entries appends the entries behind a sequence number to dst, in their order, limit at most.
// What is before the first is behind -1.
func (q *Queue) Entries(dst []Entry, after int64, limit int) []Entry {
	if limit <= 0 {
		return dst
	}
	q.index.after(max(after, -1), func(b *block, e *entry) bool {
		dst = append(dst, q.entry(b, e))
		limit--
		return limit > 0
	})
	return dst
}

// Find returns what is known of an ID, and the entry if it is held.
func (q *Queue) Find(id string) (Entry, State) {
	k := keyOf(id)
	if seq, ok := q.live.Get(k); ok {
		return q.at(seq), Held
	}
	if q.past.has(id, k) {
		return Entry{}, Removed
	}
	return Entry{}, Unknown
}

// Taken returns the entries of a claim, by its token, as far as it still holds them.
// Right after the claim was decided it costs nothing.
func (q *Queue) Taken(token int64) (out []Entry) {
	if len(q.taken) > 0 && q.taken[0].Claim.Token == token {
		return q.taken
	}
	var seqs []int64
	for seq, cl := range q.claims.bySeq {
		if cl.token == token {
			seqs = append(seqs, seq)
		}
	}
	return q.inOrder(seqs)
}

func (q *Queue) at(seq int64) Entry {
	_, b, e := q.index.entry(seq)
	return q.entry(b, e)
}

func (q *Queue) entry(b *block, e *entry) Entry {
	out := Entry{ID: b.id(e), Seq: e.seq, Size: int64(e.payload)}
	if e.claimed {
		out.Claim = q.claims.bySeq[e.seq].shown()
	}
	return out
}

// shown is a claim as others see it.
func (c *claim) shown() *Claim {
	out := &Claim{Token: c.token, Holder: c.holder, UntilMs: c.until}
	if c.begun {
		out.Ends = c.ends
	}
	return out
}

// FirstUntilMs is the least UntilMs of all claims that have one; 0 if none has.
func (q *Queue) FirstUntilMs() (first int64) {
	for _, cl := range q.claims.bySeq {
		if cl.until > 0 && (first == 0 || cl.until < first) {
			first = cl.until
		}
	}
	return first
}

// Holder is what has claims.
type Holder struct {
	Name string
	// Entries is how many it has claimed; First is the first of them.
	Entries int
	First   Entry
}

// Holders are those that have claims, by their names, n at most; more is how many others do.
func (q *Queue) Holders(n int) (some []Holder, more int) {
	held := map[string]*Holder{}
	for seq, cl := range q.claims.bySeq {
		h := held[cl.holder]
		if h == nil {
			h = &Holder{Name: cl.holder, First: Entry{Seq: seq}}
			held[cl.holder] = h
		}
		h.Entries++
		h.First.Seq = min(h.First.Seq, seq)
	}
	names := slices.Sorted(maps.Keys(held))
	for _, name := range names[:min(n, len(names))] {
		h := held[name]
		h.First = q.at(h.First.Seq)
		some = append(some, *h)
	}
	return some, len(names) - len(some)
}

// Free tells whether an entry is there that is not claimed.
func (q *Queue) Free() bool { return q.index.free.next(0) >= 0 }

// Due is when the time of the log is to be moved next, in that time.
func (q *Queue) Due() int64 { return q.claims.due(q.now) }

// Floor is the lowest sequence number: from there on payloads are needed.
func (q *Queue) Floor() int64 {
	floor := int64(math.MaxInt64)
	q.index.after(-1, func(_ *block, e *entry) bool {
		floor = e.seq
		return false
	})
	return floor
}

// Pass begins the leases that have not begun, and ends those that end by now.
func (q *Queue) Pass(now, offset int64) {
	q.now = now
	for _, cl := range q.claims.pass(now) {
		q.index.claim(cl.seq, false)
		q.tell(Change{Kind: LeaseEnded, Offset: offset, Token: cl.token}, cl.seq)
	}
}

// Kind says what a Change is.
type Kind int

// The kinds of changes.
const (
	Configured Kind = iota
	Enqueued
	EntryRemoved
	Claimed
	Extended
	Done
	Released
	LeaseEnded
	QueueDeleted
	// Restarted is told by what watches, not by a Queue: the state is made anew, because the
	// log has lost its tail or what came next was deleted; all entries follow again.
	Restarted
)

func (k Kind) String() string {
	return [...]string{"configured", "enqueued", "removed", "claimed", "extended", "done", "released", "lease_ended", "deleted", "restarted"}[k]
}

// Change is one of a queue.
type Change struct {
	Kind Kind
	// Offset is that of the record which caused it. One record may cause several changes.
	Offset int64
	// Entry that changed, as it is now, or was before it was taken out.
	Entry Entry
	// Token of the claim that is meant.
	Token int64
	// Reason is what the caller gave.
	Reason string
}

// tell tells the observer of a change of an entry that is held.
func (q *Queue) tell(c Change, seq int64) {
	if q.Observe == nil {
		return
	}
	c.Entry = q.at(seq)
	q.Observe(c)
}
