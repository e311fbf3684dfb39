package queue

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

const (
	day    = 86_400_000 // in milliseconds
	atOnce = 1000       // entries that one call may claim
)

// decide folds a call, and returns why it is refused.
func (p *Partition) decide(m proto.Message, call [16]byte, offset int64) events.Code {
	s := &p.q
	if m == nil {
		return events.CodeBadData
	}
	if s.over || s.isOther(m) {
		return events.CodeQueueDeleted
	}
	if c, ok := m.(*events.QueueConfigured); ok {
		return s.configured(c, call)
	}
	if !s.exists {
		return events.CodeUnknownQueue
	}
	switch m := m.(type) {
	case *events.QueueEnqueued:
		code := s.enqueued(m, offset)
		if code == "" {
			p.counts.Enqueued++
			if s.wasRemoved(m.Id) {
				p.Find(g8, offset, "%q was removed, and returns", m.Id)
			}
		}
		return code
	case *events.QueueRemoved:
		h, code := s.find(m.Id)
		switch {
		case !text(m.Reason):
			return events.CodeBadData
		case code == "":
			p.counts.Removed++
			s.take(h)
		}
		return code
	case *events.QueueTrimmed:
		return p.trimmed(m)
	case *events.QueueClaimed:
		return p.claimed(m, offset)
	case *events.QueueClaimExtended:
		if m.LeaseMs < 1 || m.LeaseMs > day {
			return events.CodeBadData
		}
		h, code := p.holder(m.Id, m.Token)
		if code == "" {
			h.lease, h.ends = m.LeaseMs, max(h.ends, s.now+m.LeaseMs)
		}
		return code
	case *events.QueueDone:
		h, code := p.holder(m.Id, m.Token)
		if code == "" {
			p.counts.Removed++
			s.take(h)
		}
		return code
	case *events.QueueReleased:
		if !text(m.Reason) {
			return events.CodeBadData
		}
		h, code := p.holder(m.Id, m.Token)
		if code == "" {
			s.offer(h)
		}
		return code
	case *events.QueueDeleted:
		if len(s.held) > 0 && !m.Force {
			return events.CodeQueueHeld
		}
		s.over = true
		s.empty()
		return ""
	}
	return events.CodeUnknownType
}

// isOther tells whether a call names a queue that was created by another call than this one.
func (s *state) isOther(m proto.Message) bool {
	named, ok := m.(interface{ GetCreation() uint64 })
	if !ok || named.GetCreation() == 0 {
		return false
	}
	return !s.exists || binary.BigEndian.Uint64(s.creator[:8]) != named.GetCreation()
}

func (s *state) configured(m *events.QueueConfigured, call [16]byte) events.Code {
	r, ok := rulesOf(m.Settings)
	switch {
	case !ok:
		return events.CodeBadData
	case !s.exists && !m.Create:
		return events.CodeUnknownQueue
	case s.exists && m.Create && r != s.rules:
		return events.CodeQueueExists
	case s.exists && (r.ids != s.rules.ids || r.space != s.rules.space):
		return events.CodeBadData
	}
	if !s.exists {
		s.creator = call
	}
	s.rules, s.exists = r, true
	return ""
}

func (s *state) enqueued(m *events.QueueEnqueued, offset int64) events.Code {
	size := int64(len(m.Payload))
	switch {
	case !text(m.PayloadType):
		return events.CodeBadData
	case !s.fits(m.Id):
		return events.CodeBadEntryID
	case size > s.rules.entryBytes:
		return events.CodeTooLarge
	case s.held[m.Id] != nil:
		return events.CodeDuplicateEntry
	case s.old(m.Id):
		return events.CodeBadEntryID
	case s.isSequence() && s.misplaced(m.Id) != "":
		return s.misplaced(m.Id)
	case s.wasRemoved(m.Id):
		return events.CodeAlreadyRemoved
	case int64(len(s.held))+1 > s.rules.entries || s.bytes+size+int64(len(m.Id)) > s.rules.bytes:
		return events.CodeQueueFull
	}
	s.add(m.Id, offset, size)
	if s.rules.ids == events.QueueIDs_QUEUE_IDS_UUIDV7 {
		s.newest = max(s.newest, minute(m.Id))
	}
	if s.isSequence() {
		s.follow(m.Id)
	}
	return ""
}

// find is the entry with an ID.
func (s *state) find(id string) (*held, events.Code) {
	switch h := s.held[id]; {
	case h != nil:
		return h, ""
	case !s.fits(id):
		return nil, events.CodeBadEntryID
	case s.isSequence():
		return nil, s.missing(id)
	case s.wasRemoved(id) && !s.old(id):
		return nil, events.CodeAlreadyRemoved
	}
	return nil, events.CodeUnknownEntry
}

// holder is the entry whose claim a token names.
func (p *Partition) holder(id string, token int64) (*held, events.Code) {
	h, code := p.q.find(id)
	switch {
	case code == events.CodeAlreadyRemoved:
		code = events.CodeStaleClaim
	case code == "" && (!h.claimed || h.token != token):
		code = events.CodeStaleClaim
	}
	if code == events.CodeStaleClaim {
		if _, ok := p.memory.Get(chain.KeyOf("claimed", uint64(token), id)); !ok {
			p.counts.Strange++
		}
	}
	return h, code
}

func (p *Partition) claimed(m *events.QueueClaimed, offset int64) events.Code {
	s := &p.q
	switch {
	case !text(m.Holder), m.LeaseMs < 1, m.LeaseMs > day, len(m.Ids) > 0 && m.Count != 0:
		return events.CodeBadData
	case m.Count < 0, m.Count > atOnce, len(m.Ids) > atOnce:
		return events.CodeBadCount
	}
	var all []*held
	twice := map[*held]bool{}
	for _, id := range m.Ids {
		h, code := s.find(id)
		switch {
		case code != "":
			return code
		case h.claimed:
			return events.CodeAlreadyClaimed
		}
		all = append(all, h)
		twice[h] = true
	}
	switch {
	case len(twice) < len(all):
		return events.CodeBadData
	case len(m.Ids) == 0:
		all = s.firstFree(max(1, int(m.Count)))
	}
	if len(all) == 0 {
		return events.CodeNothingToClaim
	}
	for _, h := range all {
		s.claim(h, offset, m.LeaseMs)
	}
	p.counts.Claimed += int64(len(all))
	return ""
}
