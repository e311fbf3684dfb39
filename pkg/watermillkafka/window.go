package watermillkafka

// window follows the records of one partition that were begun, in the order of
// their offsets, and how far all of them are done. It is for one goroutine at a
// time.
type window struct {
	first int    // the number of open[0]
	open  []span // from the first that is not done on
	done  int64  // everything below this offset is done
}

type span struct {
	next int64 // the offset to go on from behind the record
	done bool
}

// begin enters the next record and returns its number. next is the offset to go
// on from behind it.
func (w *window) begin(next int64) int {
	w.open = append(w.open, span{next: next})
	return w.first + len(w.open) - 1
}

// finish says that the record of that number is done. It must be called once.
func (w *window) finish(number int) {
	w.open[number-w.first].done = true
	n := 0
	for n < len(w.open) && w.open[n].done {
		w.done = w.open[n].next
		n++
	}
	w.first += n
	w.open = w.open[:copy(w.open, w.open[n:])]
}

// pass says that there is nothing to hand out before an offset.
func (w *window) pass(next int64) {
	w.finish(w.begin(next))
}
