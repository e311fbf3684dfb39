package order

import (
	"slices"
	"sort"
)

// index holds the entries by sequence number, in blocks. It is appended to at its end only.
type index struct {
	blocks []*block
	firsts []int64 // of each block, a sequence number that none of its entries is below
	free   bitset  // of each block, whether an entry in it is free
}

func (x *index) add(seq int64, id string, payload uint32) {
	n := len(x.blocks)
	if n == 0 || len(x.blocks[n-1].entries) >= blockSize || cap(x.blocks[n-1].entries) < blockSize {
		room := 0
		if n > 0 { // The IDs of a queue are mostly of one length.
			room = len(x.blocks[n-1].text)
		}
		x.blocks, x.firsts = append(x.blocks, newBlock(room)), append(x.firsts, seq)
		x.free.push(true)
		n++
	}
	x.blocks[n-1].add(seq, id, payload)
	x.free.put(n-1, true)
}

// block is the place of the one that an entry with that sequence number would be in.
func (x *index) block(seq int64) int {
	return max(0, sort.Search(len(x.firsts), func(i int) bool { return x.firsts[i] > seq })-1)
}

// entry finds one that is there.
func (x *index) entry(seq int64) (at int, b *block, e *entry) {
	at = x.block(seq)
	b = x.blocks[at]
	return at, b, &b.entries[b.find(seq)]
}

// claim marks an entry as claimed, or as free.
func (x *index) claim(seq int64, claimed bool) {
	at, b, e := x.entry(seq)
	if e.claimed == claimed {
		return
	}
	e.claimed = claimed
	if claimed {
		b.free--
	} else {
		b.free++
	}
	x.free.put(at, b.free > 0)
}

// remove takes an entry out that is there.
func (x *index) remove(seq int64) {
	at, b, e := x.entry(seq)
	if !e.claimed {
		b.free--
	}
	e.removed = true
	b.live--
	switch {
	case b.live == 0:
		x.drop(at)
	case at == len(x.blocks)-1: // Entries are still added to it.
		x.free.put(at, b.free > 0)
	case 2*b.live < len(b.entries):
		x.tidy(at)
	default:
		x.free.put(at, b.free > 0)
	}
}

// tidy makes a block that is half empty smaller, together with the next one if both have
// little left.
func (x *index) tidy(at int) {
	b := x.blocks[at]
	var next *block
	if at+1 < len(x.blocks)-1 && b.live+x.blocks[at+1].live <= blockSize/2 {
		next = x.blocks[at+1]
		x.drop(at + 1)
	}
	x.blocks[at] = joined(b, next)
	x.free.put(at, x.blocks[at].free > 0)
}

func (x *index) drop(at int) {
	x.blocks = slices.Delete(x.blocks, at, at+1)
	x.firsts = slices.Delete(x.firsts, at, at+1)
	x.free.remove(at)
}

// after calls see with each entry behind a sequence number, until it says false.
func (x *index) after(seq int64, see func(b *block, e *entry) bool) {
	if len(x.blocks) == 0 {
		return
	}
	at := x.block(seq)
	for i := x.blocks[at].find(seq + 1); at < len(x.blocks); at, i = at+1, 0 {
		b := x.blocks[at]
		for ; i < len(b.entries); i++ {
			if e := &b.entries[i]; !e.removed && !see(b, e) {
				return
			}
		}
	}
}

// room is about how many bytes the entries take in a snapshot.
func (x *index) room() (n int) {
	const numbers = 6 // A sequence number's growth, and two lengths.
	for _, b := range x.blocks {
		n += len(b.text) + numbers*len(b.entries)
	}
	return n
}

// firstFree appends the sequence numbers of the first entries that are free, n at most.
func (x *index) firstFree(dst []int64, n int) []int64 {
	for at := x.free.next(0); at >= 0; at = x.free.next(at + 1) {
		for i := range x.blocks[at].entries {
			e := &x.blocks[at].entries[i]
			if e.removed || e.claimed {
				continue
			}
			if len(dst) == n {
				return dst
			}
			dst = append(dst, e.seq)
		}
	}
	return dst
}
