package chain

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Memory is what a judge remembers of what is over: the batches that counted, the tasks
// that ended, the attempts that were assigned. A log has no end, so this is all that grows
// with it; what is open is kept apart. Only one goroutine uses it.
type Memory interface {
	// Put remembers a fact, instead of the one that it had under that key.
	Put(Key, Fact)
	// Get answers with the fact that was put last under that key.
	Get(Key) (Fact, bool)
}

// Fact is remembered by its key.
type Fact struct {
	Offset, AtMs int64
	// Number is whatever else there is to say in 64 bits.
	Number int64
}

// Key is the digest of what a fact is about. Two things have one digest with a
// probability of n²/2^129, with n facts.
type Key [16]byte

// KeyOf is the key of something: what sort of fact it is, numbers and texts.
func KeyOf(sort string, number uint64, texts ...string) (key Key) {
	var d xxhash.Digest
	var word [8]byte
	for half := range uint64(2) {
		d.ResetWithSeed(half)
		write := func(text string) {
			binary.LittleEndian.PutUint64(word[:], uint64(len(text)))
			_, _ = d.Write(word[:])
			_, _ = d.WriteString(text)
		}
		write(sort)
		binary.LittleEndian.PutUint64(word[:], number)
		_, _ = d.Write(word[:])
		for _, text := range texts {
			write(text)
		}
		binary.LittleEndian.PutUint64(key[8*half:], d.Sum64())
	}
	return key
}

// Heap is a Memory without a bound.
type Heap map[Key]Fact

// Put implements Memory.
func (h Heap) Put(key Key, fact Fact) { h[key] = fact }

// Get implements Memory.
func (h Heap) Get(key Key) (Fact, bool) {
	fact, ok := h[key]
	return fact, ok
}
