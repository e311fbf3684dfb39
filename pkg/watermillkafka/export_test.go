package watermillkafka

import "time"

// HandOutStale turns s into a build that hands out after a rebalance what it
// fetched before.
func (s *Subscriber) HandOutStale() { s.handOutStale = true }

// WaitFor has s wait for so long for messages that are handed out when its group forms anew.
func (s *Subscriber) WaitFor(grace time.Duration) { s.grace = grace }
