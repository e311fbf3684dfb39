package watermillkafka

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
)

// FailedMessage is one message of a call of Publish that failed.
type FailedMessage struct {
	// Index is its place among the arguments of Publish.
	Index int
	UUID  string
	// Err is a *kafka.Refused, which has a method Refused, if the broker will
	// never take it. After any other error it may be in the log or not.
	Err error
}

// PublishError says which messages of a call of Publish failed. The others are
// in the log, unless Unsent is set.
type PublishError struct {
	Topic string
	// Failed are in the order of Index.
	Failed []FailedMessage
	// Unsent means that no message of the call was sent, because one of them
	// cannot be marshalled.
	Unsent bool
}

func (e *PublishError) Error() string {
	first := e.Failed[0]
	var b strings.Builder
	fmt.Fprintf(&b, "publish to topic %s: %d messages failed", e.Topic, len(e.Failed))
	if e.Unsent {
		fmt.Fprintf(&b, " and none was sent")
	}
	fmt.Fprintf(&b, ", the first is message %d (UUID %q): %v", first.Index, first.UUID, first.Err)
	return b.String()
}

// Unwrap returns the messages' errors.
func (e *PublishError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i := range e.Failed {
		errs[i] = e.Failed[i].Err
	}
	return errs
}

// publication is one call of Publish on its way.
type publication struct {
	topic    string
	messages []*message.Message
	waiting  sync.WaitGroup

	mu     sync.Mutex
	failed []FailedMessage
}

func (b *publication) settle(i int, err error) {
	if err != nil {
		b.mu.Lock()
		b.failed = append(b.failed, FailedMessage{Index: i, UUID: b.messages[i].UUID, Err: err})
		b.mu.Unlock()
	}
	b.waiting.Done()
}

// err is called when all messages are settled.
func (b *publication) err() error {
	if len(b.failed) == 0 {
		return nil
	}
	slices.SortFunc(b.failed, func(a, b FailedMessage) int { return a.Index - b.Index })
	return &PublishError{Topic: b.topic, Failed: b.failed}
}
