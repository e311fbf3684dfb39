package compare

import "sort"

// windows are those that are open, and those that were closed and not taken yet. An open
// window follows the one before without a gap.
type windows struct {
	cut    Cut
	end    int64 // of the source
	open   []Window
	closed []Window
	bucket int64 // of the newest open window
	from   int64 // where the first one begins
}

// extend puts a record of the source, which are told in order, into a window.
func (w *windows) extend(offset, timestamp int64) {
	bucket := w.bucketOf(offset, timestamp)
	n := len(w.open)
	if n == 0 || bucket > w.bucket {
		from := offset
		switch {
		case n == 0:
			from = w.from
		case w.cut.Millis <= 0:
			from = max(bucket*w.cut.Offsets, w.open[n-1].Start)
		}
		if n > 0 {
			w.open[n-1].End = from
		}
		w.open = append(w.open, Window{Range: Range{from, w.end}, Since: timestamp, Until: timestamp})
		w.bucket = bucket
		return
	}
	last := &w.open[n-1]
	last.Since, last.Until = min(last.Since, timestamp), max(last.Until, timestamp)
}

func (w *windows) bucketOf(offset, timestamp int64) int64 {
	if w.cut.Millis > 0 {
		return timestamp / w.cut.Millis
	}
	return offset / w.cut.Offsets
}

// of is the window of an offset: the nearest that is open. There is always one.
func (w *windows) of(offset int64) *Window {
	if len(w.open) == 0 {
		w.open = append(w.open, Window{Range: Range{w.from, w.end}})
		w.bucket = w.bucketOf(w.from, 0)
	}
	i := sort.Search(len(w.open), func(i int) bool { return w.open[i].Start > offset })
	return &w.open[max(i-1, 0)]
}

// passed is how many windows lie a whole window below an offset, and the offset from
// which on the others are.
func (w *windows) passed(offset int64) (n int, from int64) {
	for n+2 < len(w.open) && w.open[n+2].Start <= offset {
		n++
	}
	if n == 0 {
		return 0, w.from
	}
	return n, w.open[n].Start
}

// shut closes the first windows.
func (w *windows) shut(n int) {
	if n > 0 {
		w.closed = append(w.closed, w.open[:n]...)
		w.open = append(w.open[:0], w.open[n:]...)
	}
}
