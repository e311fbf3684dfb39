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

// keep keeps an ended task, which may push out the oldest.
func (s *State) keep(k *keeper, key endedKey, p *pool, t *task) {
	if _, ok := k.tasks[key]; ok { // The ID was used again after its window: the first stays.
		s.release(p, t)
		return
	}
	k.tasks[key] = kept{p, t}
	k.oldest.push(key)
	for k.oldest.len() > s.cfg.KeepEnded {
		old := k.oldest.pop()
		e := k.tasks[old]
		delete(k.tasks, old)
		s.release(e.pool, e.task)
	}
}

// forgetKept forgets the kept tasks for which that is true.
func (s *State) forgetKept(which func(*task) bool) {
	k := &s.kept
	var left fifo[endedKey]
	for _, key := range k.oldest.all() {
		if e := k.tasks[key]; which(e.task) {
			delete(k.tasks, key)
			s.release(e.pool, e.task)
		} else {
			left.push(key)
		}
	}
	k.oldest = left
}

// release is called when an ended task is not referred to any more from one place.
func (s *State) release(p *pool, t *task) {
	s.dropPayload(t)
	p.dropTemplate(t.tmpl)
}

// maxRejections is how many rejected requests are kept to show.
const maxRejections = 1000

func (k *keeper) reject(m *events.TaskRejected) {
	key := keyOf(events.Pool(m.Pool), m.TaskId)
	if _, ok := k.rejected[key]; !ok {
		k.refusals.push(key)
	}
	k.rejected[key] = &events.TaskRejected{ // What is shown of it.
		TaskId: m.TaskId, Pool: m.Pool, Code: m.Code, Message: m.Message, AtMs: m.AtMs,
	}
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
