package placement

import (
	"encoding/binary"
	"math"
)

// window remembers the tasks that ended lately, of which there may be millions.
type window struct {
	oldest fifo[endedEntry]
	// first is the number of the oldest; numbers count what was added.
	first uint32
	// slots find entries by key: open addressing, linear probing, the entry's
	// number plus one, 0 for none. A map takes four times the memory, and as much
	// of the time that a restart takes. Keys are hashes, so their bytes will do.
	slots []uint32
	used  int
}

// endedEntry is what is remembered of an ended task.
type endedEntry struct {
	key endedKey
	// at is what the log had lived; offset is that of its terminal event.
	at, offset int64
	// token of the attempt whose report ended it, but for its highest bit; 0 if no
	// report did. The highest bit is set if the task succeeded.
	token uint64
}

const successBit = 1 << 63

func (e endedEntry) succeeded() bool { return e.token&successBit != 0 }

// windowMs is how long an ended task's ID is remembered, by what the log has
// lived since (State.aged): a day, in which a pause between two events counts as
// a minute at most.
const windowMs = 24 * 60 * 60 * 1000

// add remembers a task, and forgets those that are too old or too many.
func (w *window) add(e endedEntry, limit int) {
	if w.first+uint32(w.oldest.len()) >= math.MaxUint32-1 { // Numbers begin anew.
		w.first = 0
		w.index(len(w.slots))
	}
	w.oldest.push(e)
	if 2*(w.used+1) > len(w.slots) {
		w.index(max(2*len(w.slots), 64))
	} else {
		w.enter(w.first + uint32(w.oldest.len()-1))
	}
	for w.oldest.len() > limit || w.oldest.len() > 0 && w.oldest.front().at < e.at-windowMs {
		w.leave(w.first)
		w.oldest.pop()
		w.first++
	}
}

// find gives what is remembered of a task.
func (w *window) find(key endedKey) (endedEntry, bool) {
	if len(w.slots) == 0 {
		return endedEntry{}, false
	}
	i, ok := w.slot(key)
	if !ok {
		return endedEntry{}, false
	}
	return *w.entry(w.slots[i] - 1), true
}

func (w *window) entry(number uint32) *endedEntry { return &w.oldest.all()[number-w.first] }

func (w *window) home(key endedKey) int {
	return int(binary.LittleEndian.Uint64(key[:]) & uint64(len(w.slots)-1))
}

// slot is where key is, or where it would be.
func (w *window) slot(key endedKey) (int, bool) {
	mask := len(w.slots) - 1
	for i := w.home(key); ; i = (i + 1) & mask {
		if n := w.slots[i]; n == 0 || w.entry(n-1).key == key {
			return i, n != 0
		}
	}
}

// enter has the entry of that number found; it takes the place of an older one
// with its key.
func (w *window) enter(number uint32) {
	i, known := w.slot(w.entry(number).key)
	if !known {
		w.used++
	}
	w.slots[i] = number + 1
}

// leave has it found no more, unless a newer one took its place.
func (w *window) leave(number uint32) {
	hole, known := w.slot(w.entry(number).key)
	if !known || w.slots[hole] != number+1 {
		return
	}
	w.used--
	mask := len(w.slots) - 1
	for i := (hole + 1) & mask; w.slots[i] != 0; i = (i + 1) & mask {
		// What stands at i may move to the hole if it does not belong behind it.
		if home := w.home(w.entry(w.slots[i] - 1).key); (i-home)&mask >= (i-hole)&mask {
			w.slots[hole], hole = w.slots[i], i
		}
	}
	w.slots[hole] = 0
}

// index makes the slots anew, a power of two of them.
func (w *window) index(slots int) {
	w.slots, w.used = make([]uint32, slots), 0
	for i := range w.oldest.len() {
		w.enter(w.first + uint32(i))
	}
}

// fill is the window with these entries, oldest first.
func (w *window) fill(entries []endedEntry) {
	slots := 64
	for slots < 2*len(entries) {
		slots *= 2
	}
	w.oldest = fifo[endedEntry]{items: entries}
	w.index(slots)
}
