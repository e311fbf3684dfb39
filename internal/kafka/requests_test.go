package kafka

import (
	"testing"

	"github.com/segmentio/kafka-go/protocol/metadata"
	"go.uber.org/goleak"
)

// A request that had begun when the client was closed fails and leaves nothing
// behind.
func TestARequestThatCrossesWithCloseLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := New(Config{Brokers: []string{"127.0.0.1:1"}})
	c.Close()
	if _, err := (requests{c}).send(t.Context(), c.addr, &metadata.Request{}); err == nil {
		t.Error("it was answered")
	}
	goleak.VerifyNone(t, before)
}
