package tasks

import (
	"slices"

	"github.com/spanway/spanway/internal/verify/chain"
)

// past is what is remembered of what is over, in a chain.Memory: tasks that ended,
// tasks that succeeded before others took their IDs, attempts, and, of a log without its
// beginning, engines that are gone.
type past struct {
	memory chain.Memory
	// lives counts how often the state began anew: what ended before is no more.
	lives uint64
	// endings counts the tasks that ended.
	endings int64
}

// Events that end a task, by what is remembered of them.
var endings = []string{"succeeded", "failed", "cancelled", "expired", "dead_lettered"}

type ended struct {
	by     string
	offset int64
	atMs   int64
	number int64 // it was the number-th task to end
}

func (p *past) end(key name, by string, offset, atMs int64) {
	p.endings++
	n := int64(len(endings))
	p.memory.Put(p.keyOf("ended", key), chain.Fact{
		Offset: offset, AtMs: atMs, Number: p.endings*n + int64(slices.Index(endings, by)),
	})
}

// ended tells how the last task of that name ended, if one has. It may be open again.
func (p *past) ended(key name) (ended, bool) {
	fact, ok := p.memory.Get(p.keyOf("ended", key))
	if !ok {
		return ended{}, false
	}
	n := int64(len(endings))
	return ended{by: endings[fact.Number%n], offset: fact.Offset, atMs: fact.AtMs, number: fact.Number / n}, true
}

// succeed notes that a task succeeded whose ID is taken by another now.
func (p *past) succeed(key name) { p.memory.Put(p.keyOf("succeeded", key), chain.Fact{}) }

func (p *past) succeeded(key name) bool {
	_, ok := p.memory.Get(p.keyOf("succeeded", key))
	return ok
}

// leave notes that an engine is gone.
func (p *past) leave(key name) { p.memory.Put(p.keyOf("gone", key), chain.Fact{}) }

func (p *past) gone(key name) bool {
	_, ok := p.memory.Get(p.keyOf("gone", key))
	return ok
}

// give notes an attempt: which engine has which task under which token. Attempts are
// remembered over a loss: engines have been told of them.
func (p *past) give(m ofAttempt) { p.memory.Put(attemptKey(m), chain.Fact{}) }

func (p *past) given(m ofAttempt) bool {
	_, ok := p.memory.Get(attemptKey(m))
	return ok
}

func (p *past) keyOf(sort string, key name) chain.Key {
	return chain.KeyOf(sort, p.lives, key.pool, key.id)
}

func attemptKey(m ofAttempt) chain.Key {
	return chain.KeyOf("attempt", m.GetToken(), m.GetPool(), m.GetTaskId(), m.GetEngineId())
}
