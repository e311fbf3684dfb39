// Package idmap maps identifiers of 16 bytes to numbers, millions of them: the calls that a
// shared log remembers, and the entries that a queue holds. Beside a map of Go it takes less
// memory, a look-up misses the processor's caches less often, and many identifiers are put in
// at once in a tenth of the time: one shard after the other, each of which fits into a cache.
// It owns nothing but its memory. The order in which it holds them is random and never shown.
package idmap

import (
	"hash/maphash"
	"math/bits"
)

// ID is what is mapped.
type ID = [16]byte

// Map maps IDs to numbers of at least 0. The zero value is empty. It is for one goroutine.
type Map struct {
	shards [shards]shard
	n      int
}

const (
	shards    = 256
	fewest    = 8 // slots of a shard that holds something
	shardBits = 8
)

// shard is a table with open addressing: an ID is in its home slot or, in a run without an
// empty one, behind it.
type shard struct {
	slots []slot
	n     int
}

type slot struct {
	id    ID
	value int64 // more by 1; 0 if the slot is empty
}

// seed makes the places of IDs unknown to whoever chooses them.
var seed = maphash.MakeSeed()

func hash(id *ID) uint64 { return maphash.Bytes(seed, id[:]) }

func (m *Map) shard(h uint64) *shard { return &m.shards[h>>(64-shardBits)] }

// home is where a hash belongs: its lower half, spread over the slots.
func (s *shard) home(h uint64) int {
	hi, _ := bits.Mul64(h<<shardBits, uint64(len(s.slots)))
	return int(hi)
}

func (s *shard) after(i int) int {
	if i++; i < len(s.slots) {
		return i
	}
	return 0
}

// find is the slot of an ID, or the empty one where it would be. There are slots.
func (s *shard) find(h uint64, id *ID) (at int, found bool) {
	for at = s.home(h); s.slots[at].value != 0; at = s.after(at) {
		if s.slots[at].id == *id {
			return at, true
		}
	}
	return at, false
}

// Len is how many IDs there are.
func (m *Map) Len() int { return m.n }

// Get returns the number of an ID.
func (m *Map) Get(id ID) (value int64, ok bool) {
	h := hash(&id)
	s := m.shard(h)
	if s.n == 0 {
		return 0, false
	}
	at, ok := s.find(h, &id)
	return s.slots[at].value - 1, ok
}

// Put sets the number of an ID.
func (m *Map) Put(id ID, value int64) {
	h := hash(&id)
	if m.shard(h).put(h, &id, value) {
		m.n++
	}
}

// put tells whether the ID is new.
func (s *shard) put(h uint64, id *ID, value int64) bool {
	if 4*(s.n+1) > 3*len(s.slots) {
		s.resize(max(fewest, len(s.slots)+len(s.slots)/2))
	}
	at, found := s.find(h, id)
	s.slots[at] = slot{*id, value + 1}
	if !found {
		s.n++
	}
	return !found
}

// Delete takes an ID out, if it is there.
func (m *Map) Delete(id ID) {
	h := hash(&id)
	s := m.shard(h)
	if s.n == 0 {
		return
	}
	if at, found := s.find(h, &id); found {
		s.empty(at)
		m.n--
	}
}

// empty empties a slot, and moves up what is behind it, so that runs stay without gaps.
func (s *shard) empty(at int) {
	for i := s.after(at); s.slots[i].value != 0; i = s.after(i) {
		if s.behind(s.home(hash(&s.slots[i].id)), i) >= s.behind(at, i) {
			s.slots[at], at = s.slots[i], i
		}
	}
	s.slots[at] = slot{}
	if s.n--; len(s.slots) > fewest && 5*s.n < len(s.slots) {
		s.resize(max(fewest, 2*s.n))
	}
}

// behind is how far a slot is behind another one.
func (s *shard) behind(from, to int) int {
	if to >= from {
		return to - from
	}
	return to - from + len(s.slots)
}

func (s *shard) resize(n int) {
	old := s.slots
	s.slots = make([]slot, n)
	for i := range old {
		if old[i].value != 0 {
			at, _ := s.find(hash(&old[i].id), &old[i].id)
			s.slots[at] = old[i]
		}
	}
}

// Of returns a map of n IDs: the number of each is its place in ids, or numbers[place] if
// there are numbers. Of one ID that stands there twice the last number holds.
func Of(ids []ID, numbers []int64) *Map {
	m := &Map{}
	byShard, ends := sorted(ids)
	begin := 0
	for i := range m.shards {
		s := &m.shards[i]
		if n := ends[i] - begin; n > 0 {
			s.slots = make([]slot, max(fewest, n+n/2+1))
		}
		for _, p := range byShard[begin:ends[i]] {
			value := int64(p.place)
			if numbers != nil {
				value = numbers[p.place]
			}
			s.put(p.hash, &p.id, value)
		}
		begin, m.n = ends[i], m.n+s.n
	}
	return m
}

// placed is an ID with its place among others.
type placed struct {
	id    ID
	hash  uint64
	place int
}

// sorted are IDs by their shards, and where those of each end.
func sorted(ids []ID) (byShard []placed, ends [shards]int) {
	for i := range ids {
		ends[hash(&ids[i])>>(64-shardBits)]++
	}
	sum := 0
	for i := range ends {
		sum, ends[i] = sum+ends[i], sum
	}
	byShard = make([]placed, len(ids))
	for i := range ids {
		h := hash(&ids[i])
		at := &ends[h>>(64-shardBits)]
		byShard[*at] = placed{ids[i], h, i}
		*at++
	}
	return byShard, ends
}
