package watermillkafka

import (
	"context"
	"sync"
)

// keys are those of the messages that are handed out: of equal keys one is at a time, so
// that they are handled in order. Records without a key are in none.
type keys struct {
	mu  sync.Mutex
	out map[string]chan struct{} // closed when the message is acknowledged; nil while nothing waits for that
}

// enter waits until no message of the key is handed out. It reports false if ctx ends
// before.
func (k *keys) enter(ctx context.Context, key []byte) bool {
	if key == nil {
		return true
	}
	for {
		k.mu.Lock()
		before, ok := k.out[string(key)]
		if !ok {
			if k.out == nil {
				k.out = map[string]chan struct{}{}
			}
			k.out[string(key)] = nil
			k.mu.Unlock()
			return true
		}
		if before == nil {
			before = make(chan struct{})
			k.out[string(key)] = before
		}
		k.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return false
		}
	}
}

// leave says that the message of a key is acknowledged.
func (k *keys) leave(key []byte) {
	if key == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if waited := k.out[string(key)]; waited != nil {
		close(waited)
	}
	delete(k.out, string(key))
}
