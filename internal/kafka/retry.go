package kafka

import (
	"context"
	"math/rand/v2"
	"time"
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
	until   time.Time
	backoff time.Duration
}

func (c *Client) retrier() retrier {
	return retrier{until: time.Now().Add(c.config.RetryBudget), backoff: firstBackoff}
}

// wait sleeps before the next attempt, each time about twice as long and with
// jitter, so that clients do not come back in step. False: give up.
func (r *retrier) wait(ctx context.Context) bool {
	d := r.backoff/2 + rand.N(r.backoff/2+1)
	r.backoff = min(2*r.backoff, maxBackoff)
	if time.Now().Add(d).After(r.until) {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
