package watermillkafka

import (
	"context"
	"sync"
)

// keys are those of the messages that are handed out: of equal keys one is at a time, so
// that they are handled in order. Records without a key are in none.
type keys struct {
	mu  sync.Mutex
	out map[string]chan struct{} // closed when the message is acknowledged
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
			k.out[string(key)] = make(chan struct{})
			k.mu.Unlock()
			return true
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
	close(k.out[string(key)])
	delete(k.out, string(key))
}
