// Package ids asks allocators for identifiers: ranges that are never granted twice.
//
//	c, err := ids.New(ids.Config{Cluster: cluster})
//	...
//	defer c.Close()
//	g, err := c.Grant(ctx, ids.Want{Space: "spi", Count: 4, RequestID: "chain-7", Owner: "site-ams"})
//	// g.From to g.To are ours until they are released.
//
// # A request
//
//	the end of ids.events is noted ─▶ a command on ids.requests ─▶ ids.answered on ids.events
//
// The request ID names the grant: the same again is the same grant. So after any error
// that is no *Refused ask again with the same request ID. A want without one gets a fresh
// one, which the errors name. Once the grant has ended, the same again is refused with
// events.CodeGrantEnded: others may hold its range. An ID that ended and after which
// 100,000 others of its space have ended is forgotten, and may be granted anew.
//
// Requests that callers of a client make at the same time stand in one record, and so do
// their answers; one that is made alone, or in a trace that is sampled, stands alone.
//
// Generator hands out single identifiers of ranges that it takes before they are needed.
//
// # Topics
//
// Out: ids.requests. In: ids.events, of which only answers are read. The client links no
// core; what is granted to whom is what `spanway id show` folds.
//
// # On a crash
//
// Nothing is saved. A request may have been granted without its answer being seen: the
// same request ID finds it.
package ids
