package watermillkafka

import "time"

// start enters the next record; next is the offset behind it.
func (w *worker) start(next int64) (number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.window.begin(next)
}

func (w *worker) done(number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.window.finish(number)
}

// pass says that nothing is to be handed out before an offset.
func (w *worker) pass(next int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.window.pass(next)
}

// progress is what is to be committed, if that has changed.
func (w *worker) progress() (offset int64, changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.window.first > 0 // where the partition begins, at least
	return w.window.done, known && w.window.done != w.committed
}

// stored says that an offset is committed.
func (w *worker) stored(offset int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.committed = offset
}

// saw remembers the end of the partition.
func (w *worker) saw(end int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end, w.seen = end, time.Now()
}

// isStale reports whether the end was seen too long ago.
func (w *worker) isStale() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.seen) > watchInterval
}

// lag is how many offsets are not acknowledged.
func (w *worker) lag() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(0, w.end-w.window.done)
}
