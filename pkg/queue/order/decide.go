package order

import (
	"encoding/binary"
	"slices"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// Bounds of a claim.
const (
	MaxClaimed = 1000
	MaxLease   = 86_400_000 // a day, in milliseconds
)

// Decide folds a call and returns why it is refused: empty if it is accepted.
func (q *Queue) Decide(c *sharedlog.Call) events.Code {
	q.now, q.taken = c.Now, nil
	m, ok := c.Message.(*events.QueueConfigured)
	switch {
	case c.Message == nil:
		return events.CodeBadData
	case q.deleted, !q.meant(c):
		return events.CodeQueueDeleted
	case ok:
		return q.configure(m, c)
	case !q.exists:
		return events.CodeUnknownQueue
	}
	switch m := c.Message.(type) {
	case *events.QueueEnqueued:
		return q.enqueue(m, c.Offset)
	case *events.QueueRemoved:
		return q.remove(m, c.Offset)
	case *events.QueueTrimmed:
		return q.trim(m, c.Offset)
	case *events.QueueClaimed:
		return q.claim(m, c.Offset)
	case *events.QueueClaimExtended:
		return q.extend(m, c.Offset)
	case *events.QueueDone:
		return q.finish(m, c.Offset)
	case *events.QueueReleased:
		return q.release(m, c.Offset)
	case *events.QueueDeleted:
		return q.delete(m, c.Offset)
	}
	return events.CodeUnknownType
}

// meant tells whether a call is for this queue, and not for an earlier one of its name.
func (q *Queue) meant(c *sharedlog.Call) bool {
	m, ok := c.Message.(interface{ GetCreation() uint64 })
	return !ok || m.GetCreation() == 0 || m.GetCreation() == q.creation || q.exists && q.creation == 0
}

// Foreign implements sharedlog.Named. Behind its end a queue does not know itself.
func (q *Queue) Foreign(c *sharedlog.Call) bool {
	m, ok := c.Message.(interface{ GetCreation() uint64 })
	return !q.meant(c) || ok && q.deleted && m.GetCreation() != 0
}

func (q *Queue) configure(m *events.QueueConfigured, c *sharedlog.Call) events.Code {
	rules, err := RulesOf(m.Settings)
	switch {
	case err != nil:
		return events.CodeBadData
	case !q.exists && !m.Create:
		return events.CodeUnknownQueue
	case q.exists && m.Create && rules != q.rules:
		return events.CodeQueueExists
	case q.exists && (rules.IDs != q.rules.IDs || rules.Space != q.rules.Space):
		return events.CodeBadData // What is remembered of removed IDs is of the old kind.
	}
	if !q.exists {
		q.past, q.creation = newPast(rules.IDs), binary.BigEndian.Uint64(c.ID[:])
	}
	q.rules, q.exists = rules, true
	q.observe(Change{Kind: Configured, Offset: c.Offset})
	return ""
}

func (q *Queue) enqueue(m *events.QueueEnqueued, offset int64) events.Code {
	k := keyOf(m.Id)
	_, held := q.live.Get(k)
	size := int64(len(m.Id) + len(m.Payload))
	refused := q.past.refuses(m.Id, k)
	switch {
	case events.CheckOptionalID("the type of the payload", m.PayloadType) != nil:
		return events.CodeBadData
	case !q.past.takes(m.Id):
		return events.CodeBadEntryID
	case int64(len(m.Payload)) > q.rules.MaxEntryBytes:
		return events.CodeTooLarge
	case held:
		return events.CodeDuplicateEntry
	case refused != "":
		return refused
	case int64(q.live.Len()+q.apart) >= q.rules.MaxEntries || size > q.rules.MaxBytes-q.bytes:
		return events.CodeQueueFull
	}
	q.put(k, m.Id, offset, uint32(len(m.Payload)))
	q.past.enqueued(m.Id)
	q.tell(Change{Kind: Enqueued, Offset: offset}, offset)
	return ""
}

// put adds an entry at the end.
func (q *Queue) put(k key, id string, seq int64, payload uint32) {
	q.live.Put(k, seq)
	q.hold(id, seq, payload)
}

// hold adds an entry at the end of the index.
func (q *Queue) hold(id string, seq int64, payload uint32) {
	q.index.add(seq, id, payload)
	q.bytes += int64(len(id)) + int64(payload)
}

func (q *Queue) remove(m *events.QueueRemoved, offset int64) events.Code {
	if events.CheckOptionalID("the reason", m.Reason) != nil {
		return events.CodeBadData
	}
	seq, code := q.held(m.Id)
	if code != "" {
		return code
	}
	q.take(m.Id, seq, Change{Kind: EntryRemoved, Offset: offset, Reason: m.Reason})
	return ""
}

// held finds the entry with an ID.
func (q *Queue) held(id string) (seq int64, code events.Code) {
	k := keyOf(id)
	seq, ok := q.live.Get(k)
	switch {
	case ok:
		return seq, ""
	case !q.past.takes(id):
		return 0, events.CodeBadEntryID
	case q.past.has(id, k):
		return 0, events.CodeAlreadyRemoved
	}
	return 0, events.CodeUnknownEntry
}

// take takes an entry out for good.
func (q *Queue) take(id string, seq int64, c Change) {
	q.tell(c, seq)
	_, _, e := q.index.entry(seq)
	q.bytes -= int64(e.length) + int64(e.payload)
	if cl := q.claims.bySeq[seq]; cl != nil {
		q.claims.remove(cl)
	}
	q.index.remove(seq)
	k := keyOf(id)
	q.live.Delete(k)
	q.past.removed(id, k)
}

func (q *Queue) claim(m *events.QueueClaimed, offset int64) events.Code {
	switch {
	case events.CheckOptionalID("the holder", m.Holder) != nil || m.LeaseMs < 1 || m.LeaseMs > MaxLease || len(m.Ids) > 0 && m.Count != 0:
		return events.CodeBadData
	case m.Count < 0 || m.Count > MaxClaimed || len(m.Ids) > MaxClaimed:
		return events.CodeBadCount
	}
	seqs, code := q.claimable(m)
	if code != "" {
		return code
	}
	for _, seq := range seqs {
		q.index.claim(seq, true)
		q.claims.add(&claim{seq: seq, token: offset, lease: m.LeaseMs, ends: q.now + m.LeaseMs, until: untilMs(m.AtMs, m.LeaseMs), holder: m.Holder})
	}
	q.taken = q.inOrder(seqs)
	for _, e := range q.taken {
		q.observe(Change{Kind: Claimed, Offset: offset, Entry: e, Token: offset})
	}
	return ""
}

// claimable are the entries that a claim asks for.
func (q *Queue) claimable(m *events.QueueClaimed) (seqs []int64, code events.Code) {
	if len(m.Ids) == 0 {
		if seqs = q.index.firstFree(nil, int(max(1, m.Count))); len(seqs) == 0 {
			return nil, events.CodeNothingToClaim
		}
		return seqs, ""
	}
	for _, id := range m.Ids {
		seq, code := q.held(id)
		if code != "" {
			return nil, code
		}
		if q.claims.bySeq[seq] != nil {
			return nil, events.CodeAlreadyClaimed
		}
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	if len(slices.Compact(slices.Clone(seqs))) != len(seqs) {
		return nil, events.CodeBadData // An entry is named twice.
	}
	return seqs, ""
}

// claimed finds the claim that a token and an ID name.
func (q *Queue) claimed(id string, token int64) (*claim, events.Code) {
	seq, code := q.held(id)
	switch cl := q.claims.bySeq[seq]; {
	case code == events.CodeAlreadyRemoved:
		return nil, events.CodeStaleClaim
	case code != "":
		return nil, code
	case cl == nil || cl.token != token:
		return nil, events.CodeStaleClaim
	default:
		return cl, ""
	}
}

func (q *Queue) extend(m *events.QueueClaimExtended, offset int64) events.Code {
	if m.LeaseMs < 1 || m.LeaseMs > MaxLease {
		return events.CodeBadData
	}
	cl, code := q.claimed(m.Id, m.Token)
	if code != "" {
		return code
	}
	cl.ends = max(cl.ends, q.now+m.LeaseMs)
	q.claims.extend(cl, m.LeaseMs, untilMs(m.AtMs, m.LeaseMs))
	q.tell(Change{Kind: Extended, Offset: offset, Token: m.Token}, cl.seq)
	return ""
}

func (q *Queue) finish(m *events.QueueDone, offset int64) events.Code {
	cl, code := q.claimed(m.Id, m.Token)
	if code == "" {
		q.take(m.Id, cl.seq, Change{Kind: Done, Offset: offset, Token: m.Token})
	}
	return code
}

func (q *Queue) release(m *events.QueueReleased, offset int64) events.Code {
	if events.CheckOptionalID("the reason", m.Reason) != nil {
		return events.CodeBadData
	}
	cl, code := q.claimed(m.Id, m.Token)
	if code != "" {
		return code
	}
	q.claims.remove(cl)
	q.index.claim(cl.seq, false)
	q.tell(Change{Kind: Released, Offset: offset, Token: m.Token, Reason: m.Reason}, cl.seq)
	return ""
}

func (q *Queue) delete(m *events.QueueDeleted, offset int64) events.Code {
	if q.live.Len()+q.apart > 0 && !m.Force {
		return events.CodeQueueHeld
	}
	fresh := New()
	fresh.exists, fresh.deleted, fresh.now, fresh.Observe = true, true, q.now, q.Observe
	*q = *fresh
	q.observe(Change{Kind: QueueDeleted, Offset: offset})
	return ""
}

// inOrder are entries that are held, by sequence number.
func (q *Queue) inOrder(seqs []int64) []Entry {
	slices.Sort(seqs)
	out := make([]Entry, len(seqs))
	for i, seq := range seqs {
		out[i] = q.at(seq)
	}
	return out
}

// observe tells the observer of a change.
func (q *Queue) observe(c Change) {
	if q.Observe != nil {
		q.Observe(c)
	}
}
