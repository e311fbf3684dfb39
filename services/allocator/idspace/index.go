package idspace

import (
	"cmp"
	"iter"
	"slices"
)

// key is what an index is ordered by.
type key struct{ major, minor int64 }

func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.major, o.major), cmp.Compare(k.minor, o.minor))
}

type entry struct {
	key
	span *span
}

// index is a list of spans in the order of their keys, in blocks: an operation costs the
// logarithm of how many there are, and at most one block is moved.
type index struct {
	blocks [][]entry // none is empty
}

// blockSize is how many entries a block has at most.
const blockSize = 256

// find is the place of the first entry that is not below k: past the last block if there
// is none.
func (x *index) find(k key) (block, at int) {
	block, _ = slices.BinarySearchFunc(x.blocks, k, func(b []entry, k key) int { return b[len(b)-1].compare(k) })
	if block == len(x.blocks) {
		return block, 0
	}
	at, _ = slices.BinarySearchFunc(x.blocks[block], k, func(e entry, k key) int { return e.compare(k) })
	return block, at
}

// from returns the first span whose key is not below k; nil if there is none.
func (x *index) from(k key) *span {
	block, at := x.find(k)
	if block == len(x.blocks) {
		return nil
	}
	return x.blocks[block][at].span
}

// below returns the last span whose key is below k; nil if there is none.
func (x *index) below(k key) *span {
	switch block, at := x.find(k); {
	case at > 0:
		return x.blocks[block][at-1].span
	case block > 0:
		before := x.blocks[block-1]
		return before[len(before)-1].span
	}
	return nil
}

// last returns the span with the greatest key; nil if there is none.
func (x *index) last() *span {
	if len(x.blocks) == 0 {
		return nil
	}
	b := x.blocks[len(x.blocks)-1]
	return b[len(b)-1].span
}

// add takes in a span. Its key is not there yet.
func (x *index) add(k key, s *span) {
	if len(x.blocks) == 0 {
		x.blocks = [][]entry{{{k, s}}}
		return
	}
	block, at := x.find(k)
	if block == len(x.blocks) {
		block--
		at = len(x.blocks[block])
	}
	b := slices.Insert(x.blocks[block], at, entry{k, s})
	x.blocks[block] = b
	if len(b) > blockSize {
		half := slices.Clone(b[blockSize/2:])
		clear(b[blockSize/2:])
		x.blocks[block] = b[:blockSize/2]
		x.blocks = slices.Insert(x.blocks, block+1, half)
	}
}

// remove takes out the span of a key that is there.
func (x *index) remove(k key) {
	block, at := x.find(k)
	b := slices.Delete(x.blocks[block], at, at+1)
	x.blocks[block] = b
	switch next := block + 1; {
	case len(b) == 0:
		x.blocks = slices.Delete(x.blocks, block, next)
	case len(b) < blockSize/8 && next < len(x.blocks) && len(x.blocks[next]) < blockSize/2:
		x.blocks[block] = append(b, x.blocks[next]...)
		x.blocks = slices.Delete(x.blocks, next, next+1)
	}
}

// all gives the spans from a key on, in order. The index must not change meanwhile.
func (x *index) all(k key) iter.Seq[*span] {
	return func(yield func(*span) bool) {
		block, at := x.find(k)
		for ; block < len(x.blocks); block, at = block+1, 0 {
			for _, e := range x.blocks[block][at:] {
				if !yield(e.span) {
					return
				}
			}
		}
	}
}
