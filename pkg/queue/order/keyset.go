package order

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// key stands for an ID: the first bytes of its SHA-256. Two IDs with the same one are not
// found in 2^64 tries.
type key [16]byte

func keyOf(id string) key {
	var room [events.MaxIDBytes]byte // On the stack.
	sum := sha256.Sum256(append(room[:0], id...))
	return key(sum[:])
}

func (k key) compare(other key) int { return bytes.Compare(k[:], other[:]) }

// keySet is a set of keys in about 18 bytes for each. Keys are spread evenly, so each
// bucket, which has those that begin with the same bits, has about as many.
type keySet struct {
	n       int
	bits    uint // the count of buckets is 1<<bits
	buckets [][]key
}

// fullBucket is the mean size of buckets at which their number is doubled.
const fullBucket = 128

func (s *keySet) bucket(k key) int {
	return int((uint64(k[0])<<24 | uint64(k[1])<<16 | uint64(k[2])<<8 | uint64(k[3])) >> (32 - s.bits))
}

func (s *keySet) has(k key) bool {
	if s.n == 0 {
		return false
	}
	_, ok := slices.BinarySearchFunc(s.buckets[s.bucket(k)], k, key.compare)
	return ok
}

func (s *keySet) add(k key) {
	if s.buckets == nil {
		s.buckets = make([][]key, 1)
	}
	b := &s.buckets[s.bucket(k)]
	at, ok := slices.BinarySearchFunc(*b, k, key.compare)
	if ok {
		return
	}
	if len(*b) == cap(*b) { // Room for a few more: doubling would cost half of the memory.
		*b = append(make([]key, 0, len(*b)+fullBucket/8), *b...)
	}
	*b = slices.Insert(*b, at, k)
	s.n++
	if s.n > fullBucket<<s.bits && s.bits < 32 {
		s.split()
	}
}

// split doubles the number of buckets.
func (s *keySet) split() {
	old := s.buckets
	s.bits++
	s.buckets = make([][]key, 1<<s.bits)
	for i, b := range old {
		at, _ := slices.BinarySearchFunc(b, 2*i+1, func(k key, to int) int { return s.bucket(k) - to })
		s.buckets[2*i], s.buckets[2*i+1] = slices.Clip(slices.Clone(b[:at])), slices.Clip(slices.Clone(b[at:]))
	}
}

// append appends the keys in their order.
func (s *keySet) append(dst []byte) []byte {
	dst = putUvarint(dst, s.n)
	for _, b := range s.buckets {
		for i := range b {
			dst = append(dst, b[i][:]...)
		}
	}
	return dst
}

// restore reads what append wrote into an empty set.
func (s *keySet) restore(r *reader) {
	n := r.count(len(key{}))
	for s.bits = 0; n > fullBucket<<s.bits; s.bits++ {
	}
	s.n, s.buckets = n, make([][]key, 1<<s.bits)
	all := make([]key, n)
	begin := 0
	for i := range all {
		copy(all[i][:], r.bytes(len(key{})))
		if i > 0 && all[i-1].compare(all[i]) >= 0 {
			r.fail("keys of removed entries are not in their order")
			return
		}
		if i+1 == n || s.bucket(all[i]) != s.bucket(key(r.peek(len(key{})))) {
			s.buckets[s.bucket(all[i])] = all[begin : i+1 : i+1]
			begin = i + 1
		}
	}
}
