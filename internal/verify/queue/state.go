package queue

import (
	"container/heap"
	"maps"
	"slices"

	"github.com/spanway/spanway/internal/verify/chain"
)

// state is the queue.
type state struct {
	memory chain.Memory
	rules  rules
	// partial: the beginning of the log was deleted, so that nothing of this is known.
	partial bool
	exists  bool
	creator [16]byte // the ID of the call that created it
	over    bool     // it was deleted
	now     int64
	bytes   int64
	newest  int64 // the minute of the newest UUID
	line    line
	held    map[string]*held
	free    seqs
	bySeq   map[int64]*held
	claims  map[*held]bool
}

// held is an entry that is.
type held struct {
	id      string
	seq     int64
	size    int64
	listed  bool // among the free ones; it may be claimed since
	claimed bool
	token   int64
	lease   int64 // that has not begun; 0 if it has
	ends    int64
}

func (s *state) init(memory chain.Memory) {
	s.memory = memory
	s.empty()
}

func (s *state) empty() {
	s.held, s.bySeq, s.claims, s.free, s.bytes = map[string]*held{}, map[int64]*held{}, map[*held]bool{}, nil, 0
}

func (s *state) add(id string, seq, payload int64) {
	h := &held{id: id, seq: seq, size: payload + int64(len(id))}
	s.held[id], s.bySeq[seq] = h, h
	s.bytes += h.size
	s.offer(h)
}

// offer lets an entry be claimed.
func (s *state) offer(h *held) {
	if h.claimed = false; !h.listed {
		h.listed = true
		heap.Push(&s.free, h.seq)
	}
	delete(s.claims, h)
}

func (s *state) take(h *held) {
	delete(s.held, h.id)
	delete(s.bySeq, h.seq)
	delete(s.claims, h)
	s.bytes -= h.size
	s.memory.Put(chain.KeyOf("removed", 0, h.id), chain.Fact{})
}

func (s *state) wasRemoved(id string) bool {
	_, ok := s.memory.Get(chain.KeyOf("removed", 0, id))
	return ok
}

func (s *state) claim(h *held, token, lease int64) {
	h.claimed, h.token, h.lease, h.ends = true, token, lease, s.now+lease
	s.claims[h] = true
	s.memory.Put(chain.KeyOf("claimed", uint64(token), h.id), chain.Fact{})
}

// firstFree are the first entries that are free, n at most.
func (s *state) firstFree(n int) (out []*held) {
	for len(out) < n && len(s.free) > 0 {
		h := s.bySeq[s.free[0]]
		heap.Pop(&s.free)
		if h == nil {
			continue // It was removed.
		}
		if h.listed = false; !h.claimed {
			out = append(out, h)
		}
	}
	return out
}

// pass lets leases begin that have not, and ends those that end.
func (s *state) pass(now int64) {
	s.now = now
	for h := range maps.Clone(s.claims) {
		if h.lease > 0 {
			h.ends, h.lease = max(h.ends, now+h.lease), 0
		}
		if h.ends <= now {
			s.offer(h)
		}
	}
}

func (s *state) ordering() (out []Place) {
	for _, seq := range slices.Sorted(maps.Keys(s.bySeq)) {
		out = append(out, Place{ID: s.bySeq[seq].id, Seq: seq})
	}
	return out
}

// seqs is a heap of sequence numbers.
type seqs []int64

func (s seqs) Len() int           { return len(s) }
func (s seqs) Less(i, j int) bool { return s[i] < s[j] }
func (s seqs) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *seqs) Push(v any)        { *s = append(*s, v.(int64)) }

func (s *seqs) Pop() any {
	last := len(*s) - 1
	v := (*s)[last]
	*s = (*s)[:last]
	return v
}
