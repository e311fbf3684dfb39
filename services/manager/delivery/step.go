package delivery

import (
	"fmt"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

// Kind is what a step does.
type Kind uint8

// The kinds of steps.
const (
	// Wait: nothing is to be done before something changes, or the time is At.
	Wait Kind = iota
	// Enqueue puts the entries From to To behind the end of the queue.
	Enqueue
	// Trim takes the entries up to To out of the queue.
	Trim
	// End: the queue is that of a newer term, so this delivery is over.
	End
	// Send appends the entries From to To to the site's inbox.
	Send
	// Begin makes an attempt at the full sync that is ordered: Channel.Began is told of it.
	Begin
	// SendParts appends the parts From to To of the attempt.
	SendParts
	// Ask asks the global manager for a full sync of the site, for Reason.
	Ask
	// Tell tells the global manager what was seen of the site.
	Tell
)

// String is the word for it.
func (k Kind) String() string {
	return [...]string{"wait", "enqueue", "trim", "end", "send", "begin", "parts", "ask", "tell", "?"}[min(int(k), 9)]
}

// Step is what is to be done next.
type Step struct {
	Kind     Kind
	From, To uint64
	// At is the time of a Wait, in milliseconds; 0: only a change ends it.
	At int64
	// Reason of an Ask.
	Reason string
}

// String is for tests and logs.
func (s Step) String() string {
	name := s.Kind.String()
	switch s.Kind {
	case Wait:
		return fmt.Sprintf("%s until %d", name, s.At)
	case Enqueue, Send, SendParts:
		return fmt.Sprintf("%s %d to %d", name, s.From, s.To)
	case Trim:
		return fmt.Sprintf("%s through %d", name, s.To)
	case Ask:
		return fmt.Sprintf("%s for %s", name, s.Reason)
	}
	return name
}

// Seen is what is known of a site by its own log.
type Seen struct {
	// Term, Sequence, Sync and Needs are those of its report.
	Term, Sequence, Sync uint64
	Needs                string
	// Collecting is the ID of the full sync that it collects, Segments how many parts it has.
	Collecting string
	Segments   uint32
	// Refused is how many parts of full syncs it has declined, so far as its log was read.
	Refused uint64
}

// SeenOf is what a core of a site says, but for what it has declined.
func SeenOf(core *site.Core) Seen {
	r := core.Report()
	s := Seen{Term: r.Term, Sequence: r.Sequence, Sync: r.Sync, Needs: r.NeedsSync}
	if begin, n := core.Syncing(); begin != nil {
		s.Collecting, s.Segments = begin.SyncId, n
	}
	return s
}

// Report is what the global manager is told of it.
func (s Seen) Report(site string) *events.NetworkSiteReport {
	return &events.NetworkSiteReport{Site: site, Term: s.Term, Sequence: s.Sequence, Sync: s.Sync, NeedsSync: s.Needs}
}

// ahead tells whether the site has more than the global manager knows of: of a log that was lost.
// Nothing is done before the term that begins when it is told so.
func (s Seen) ahead(of network.Standing) bool {
	return s.Term > of.Term || s.Term == of.Term && (s.Sequence > of.Last || s.Sync > of.Sync)
}

// refuses tells whether a local manager that declines with that code has given up an attempt at a
// full sync.
func refuses(code string) bool { return code == site.BadSync || code == site.StaleSync }
