package delivery

import (
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/manager/network"
)

// enqueued bounds how many entries are put into a queue at once.
const enqueued = 256

// Held is what a site's queue says of itself.
type Held struct {
	// Last is the newest entry that was ever put in; zero: none was.
	Last queue.Sequence
	// Next is the number that the next one must have; 0: none is left.
	Next uint64
	// Head is the first entry that it holds; zero: it is empty.
	Head queue.Sequence
}

// Feed says what is to be done next to a site's queue: entries that the global manager has made
// are put in behind its end, and those that the site has applied are taken out. It remembers
// nothing, so it goes on anywhere.
//
// A number that the queue will never hold, because a log that was lost has used it, is passed
// over: the channel sends that entry from the fold.
func Feed(of network.Standing, held Held, seen Seen) Step {
	switch {
	case held.Last.Term > of.Term:
		return Step{Kind: End}
	case held.Head.Number > 0 && held.Head.Term < of.Term: // A full sync of this term replaces them.
		if held.Last.Term < of.Term {
			return Step{Kind: Trim, To: held.Last.Number}
		}
		return Step{Kind: Trim, To: held.Head.Number}
	case seen.ahead(of):
		return Step{}
	case held.Head.Number > 0 && seen.Term == of.Term && held.Head.Number <= seen.Sequence:
		return Step{Kind: Trim, To: seen.Sequence}
	case held.Next == 0 || held.Next > of.Last:
		return Step{}
	case held.Next < of.First: // They are applied, or dropped and replaced by a full sync.
		return Step{Kind: Trim, To: of.First - 1}
	}
	return Step{Kind: Enqueue, From: held.Next, To: min(of.Last, held.Next+enqueued-1)}
}
