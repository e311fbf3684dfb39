package placement

import (
	"crypto/sha256"

	"github.com/spanway/spanway/pkg/events"
)

// endedKey stands for a task's pool and ID: 16 bytes without a pointer, because
// millions are remembered. It is cut from a cryptographic hash, so that nobody
// can make two tasks that are taken for the same.
type endedKey [16]byte

func keyOf(p events.Pool, id string) endedKey {
	var space [128]byte
	b := append(space[:0], p...)
	b = append(b, 0)
	b = append(b, id...)
	sum := sha256.Sum256(b)
	return endedKey(sum[:16])
}

// endedRef is what is remembered of an ended task.
type endedRef struct {
	// offset of its terminal event.
	offset int64
	// token of the attempt whose report ended it; 0 if no report did. Its highest
	// bit is set if the task succeeded.
	token uint64
}

const successBit = 1 << 63

func (r endedRef) succeeded() bool { return r.token&successBit != 0 }

// window remembers the tasks that ended lately.
type window struct {
	byKey  map[endedKey]endedRef
	oldest fifo[endedEntry]
}

type endedEntry struct {
	key endedKey
	// at is what the log had lived.
	at, offset int64
}

// windowMs is how long an ended task's ID is remembered, by what the log has
// lived since (State.aged): a day, in which a pause between two events counts as
// a minute at most.
const windowMs = 24 * 60 * 60 * 1000

func newWindow() window { return window{byKey: make(map[endedKey]endedRef)} }

func (w *window) add(key endedKey, ref endedRef, at int64, limit int) {
	w.byKey[key] = ref
	w.oldest.push(endedEntry{key, at, ref.offset})
	for w.oldest.len() > limit || w.oldest.len() > 0 && w.oldest.front().at < at-windowMs {
		old := w.oldest.pop()
		if w.byKey[old.key].offset == old.offset {
			delete(w.byKey, old.key)
		}
	}
}

// dying is a dead-lettered task: whoever owns the log next may have to publish
// it, so it is kept until the log says that it was published.
type dying struct {
	offset int64
	pool   *pool
	task   *task
}

// keeper keeps some ended tasks whole, and why others were rejected.
type keeper struct {
	tasks    map[endedKey]kept
	oldest   fifo[endedKey]
	bytes    int
	rejected map[endedKey]*events.TaskRejected
	refusals fifo[endedKey]
}

type kept struct {
	pool *pool
	task *task
}

func newKeeper() keeper {
	return keeper{tasks: make(map[endedKey]kept), rejected: make(map[endedKey]*events.TaskRejected)}
}

func (k *keeper) add(key endedKey, p *pool, t *task, cfg *Config) {
	if _, ok := k.tasks[key]; ok {
		return // The ID was used again after its window: the first stays.
	}
	k.tasks[key] = kept{p, t}
	k.oldest.push(key)
	k.bytes += len(t.payload)
	for k.oldest.len() > cfg.KeepEnded || k.bytes > cfg.KeepBytes {
		old := k.oldest.pop()
		e := k.tasks[old]
		delete(k.tasks, old)
		k.bytes -= len(e.task.payload)
		e.pool.dropTemplate(e.task.tmpl)
	}
}

// maxRejections is how many rejected requests are kept to show.
const maxRejections = 1000

func (k *keeper) reject(m *events.TaskRejected) {
	key := keyOf(events.Pool(m.Pool), m.TaskId)
	if _, ok := k.rejected[key]; !ok {
		k.refusals.push(key)
	}
	k.rejected[key] = m
	for k.refusals.len() > maxRejections {
		delete(k.rejected, k.refusals.pop())
	}
}

// fifo is a queue that gives its memory back.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) len() int { return len(f.items) - f.head }

func (f *fifo[T]) front() *T { return &f.items[f.head] }

// all gives what is queued, oldest first.
func (f *fifo[T]) all() []T { return f.items[f.head:] }

func (f *fifo[T]) push(x T) { f.items = append(f.items, x) }

func (f *fifo[T]) pop() T {
	var zero T
	x := f.items[f.head]
	f.items[f.head] = zero
	f.head++
	if f.head >= 64 && f.head*2 >= len(f.items) {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	return x
}
