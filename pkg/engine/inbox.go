package engine

import (
	"context"
	"sync"

	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

// inbox collects what handlers and the sender tell the loop. A handler's end
// costs an append under a mutex, not a goroutine switch.
type inbox struct {
	wake chan struct{} // holds one signal while there is anything

	mu   sync.Mutex
	mail mail
}

// mail is what came in since it was last taken.
type mail struct {
	ended       []ended
	heard       []heard
	acked       int64 // 0: none
	undelivered events.Incarnation
	measured    bool
	used        map[string]int64 // if measured
}

// ended is the end of a handler.
type ended struct {
	token  events.Token
	result lease.Result
	// context is the handler's, in its span.
	context context.Context
}

// heard is a handler's call that waits for done.
type heard struct {
	token events.Token
	said  said
	done  chan<- error // has room for one
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (b *inbox) put(change func(*mail)) {
	b.mu.Lock()
	change(&b.mail)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns the mail and keeps the slices of an earlier one for the next.
func (b *inbox) take(used mail) mail {
	clear(used.ended)
	clear(used.heard)
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.mail
	b.mail = mail{ended: used.ended[:0], heard: used.heard[:0]}
	return m
}
