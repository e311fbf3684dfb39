package kafka

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
)

const (
	firstBackoff = 10 * time.Millisecond
	// maxBackoff bounds how late a leader's return is noticed.
	maxBackoff = 500 * time.Millisecond
	// unknownTopicBudget is how long a question about a topic that the cluster
	// does not know is asked again: a new one is known everywhere by then.
	unknownTopicBudget = 5 * time.Second
)

// retrier spaces the attempts of one operation until its budget is spent.
type retrier struct {
	client  *Client
	until   time.Time
	backoff time.Duration
	try     *trouble.Try
}

// retrier begins an operation, of which an answer is awaited within expected. End its try.
func (c *Client) retrier(expected time.Duration, what func() string) retrier {
	return retrier{client: c, until: time.Now().Add(c.config.RetryBudget), backoff: firstBackoff, try: c.board.Begin(what, expected)}
}

// wait sleeps before the next attempt, each time about twice as long and with
// jitter, so that clients do not come back in step. What is known of the cluster is
// asked for anew if the error may come from that. False: give up.
func (r *retrier) wait(ctx context.Context, err error) bool {
	d := r.backoff/2 + rand.N(r.backoff/2+1)
	r.backoff = min(2*r.backoff, maxBackoff)
	if time.Now().Add(d).After(r.until) || !r.try.Again(ctx, err, d) {
		return false
	}
	r.client.doubt(ctx, err)
	return ctx.Err() == nil
}
