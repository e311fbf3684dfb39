package order

import "sort"

// blockSize is how many entries a block has at most.
const blockSize = 256

// entry is one of a block, without pointers: a million of them cost the garbage
// collector nothing.
type entry struct {
	seq     int64
	payload uint32 // how many bytes
	from    uint32 // where its ID begins in the text of the block
	length  uint16 // of its ID
	claimed bool
	removed bool
}

// block is a run of entries in the order of their sequence numbers. Some may be removed,
// but in any block that is not the last, fewer than half.
type block struct {
	entries    []entry
	text       []byte // the IDs, one after the other
	live, free int
}

// newBlock is an empty one with room for so many bytes of IDs.
func newBlock(room int) *block {
	return &block{entries: make([]entry, 0, blockSize), text: make([]byte, 0, room)}
}

func (b *block) add(seq int64, id string, payload uint32) {
	b.entries = append(b.entries, entry{seq: seq, payload: payload, from: uint32(len(b.text)), length: uint16(len(id))})
	b.text = append(b.text, id...)
	b.live++
	b.free++
	if len(b.entries) == blockSize && len(b.text) < cap(b.text) { // It only shrinks from here on.
		b.text = append(make([]byte, 0, len(b.text)), b.text...)
	}
}

// find is the place of the first entry at or behind a sequence number.
func (b *block) find(seq int64) int {
	return sort.Search(len(b.entries), func(i int) bool { return b.entries[i].seq >= seq })
}

func (b *block) id(e *entry) string { return string(b.text[e.from : e.from+uint32(e.length)]) }

// joined is a block of what two hold, the one after the other; the second may be nil.
func joined(first, second *block) *block {
	var live, bytes int
	for _, b := range []*block{first, second} {
		if b == nil {
			continue
		}
		for i := range b.entries {
			if e := &b.entries[i]; !e.removed {
				live++
				bytes += int(e.length)
			}
		}
	}
	out := &block{entries: make([]entry, 0, live), text: make([]byte, 0, bytes)}
	for _, b := range []*block{first, second} {
		if b == nil {
			continue
		}
		for _, e := range b.entries {
			if e.removed {
				continue
			}
			id := b.text[e.from : e.from+uint32(e.length)]
			e.from = uint32(len(out.text))
			out.entries, out.text = append(out.entries, e), append(out.text, id...)
		}
		out.live, out.free = out.live+b.live, out.free+b.free
	}
	return out
}
