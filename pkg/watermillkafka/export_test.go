package watermillkafka

// HandOutStale turns s into a build that hands out after a rebalance what it
// fetched before.
func (s *Subscriber) HandOutStale() { s.handOutStale = true }
