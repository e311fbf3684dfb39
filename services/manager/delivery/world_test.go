package delivery

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/pkg/queue/order"
	"github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

// world is a global manager, the deliveries to its sites, their queues, and the sites, by their
// real cores. Whatever a delivery does may be lost, doubled, or done without its knowing, and it
// may crash before and after each step.
type world struct {
	rng    *rand.Rand
	global *network.Core
	log    []proto.Message // network.changes
	floor  int             // what is behind it may be lost
	clock  int64
	ids    int
	at     map[string]*receiver
	calm   bool // nothing is lost and nothing crashes any more
	wrong  string
	counts map[string]int
	// mutant is what a delivery does wrong.
	mutant string
}

// receiver is a site with its queue, and its delivery.
type receiver struct {
	name    string
	core    *site.Core
	inbox   []proto.Message
	read    int
	refused uint64
	queue   *order.Queue
	calls   int64
	channel *Channel
	relay   *Relay
	attempt *Attempt
	saved   []byte // a state of the site
	mutant  string
	// old is the delivery of a term before, which goes on.
	old *network.Core
}

// Deliveries that are wrong.
const (
	queueIsNotWaitedFor = "the channel does not wait for the queue"
	sentIsTakenOut      = "what was sent is taken out of the queue"
	oldEntriesStay      = "entries of a term before stay in the queue"
	jumpsAreWaitedFor   = "the feed waits for numbers that never come"
	nothingIsSentAgain  = "nothing is sent again"
	nothingIsToldAgain  = "nothing is told again"
)

var names = []string{"ams", "fra", "sin"}

func newWorld(seed uint64, mutant string) *world {
	w := &world{
		rng: rand.New(rand.NewPCG(seed, 38)), global: network.NewBounded(12), at: map[string]*receiver{},
		clock: 1, counts: map[string]int{}, mutant: mutant,
	}
	for _, name := range names {
		at := &receiver{name: name, mutant: mutant, core: site.New(site.Config{Site: name}), queue: order.New()}
		at.call(&events.QueueConfigured{Settings: order.Rules{IDs: events.QueueIDs_QUEUE_IDS_SEQUENCE}.Settings(), Create: true})
		w.at[name] = at
		at.begin()
		w.decide(&events.NetworkSiteRequested{Site: name, Labels: map[string]string{"region": "eu"}})
	}
	w.floor = len(w.log)
	return w
}

func (at *receiver) begin() {
	at.channel, at.relay, at.attempt = &Channel{Window: 5, Batch: 2, Patience: 5000}, &Relay{Every: 10, Again: 500}, nil
	switch at.mutant {
	case nothingIsSentAgain:
		at.channel.Patience = 1 << 40
	case nothingIsToldAgain:
		at.relay.Again = 1 << 40
	}
}

func (w *world) fail(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
	}
}

func (w *world) chance(n int) bool { return w.rng.IntN(n) == 0 }

// unlucky tells whether something goes wrong, one time of n.
func (w *world) unlucky(n int) bool { return !w.calm && w.chance(n) }

// decide has the global core decide on something.
func (w *world) decide(m proto.Message) {
	w.ids++
	now := events.Clock{Now: w.clock, ReadTo: w.clock}
	emit := func(m proto.Message) {
		m = proto.Clone(m)
		w.log = append(w.log, m)
		w.global.Apply(events.Logged{Message: m})
	}
	w.global.Decide(events.Input[network.Command]{Value: network.Command{ID: fmt.Sprint(w.ids), Message: m}}, now, emit)
	if m == nil || !w.unlucky(3) { // Else what the core itself has to say comes later.
		for w.global.Advance(now, emit) {
		}
	}
}

func (at *receiver) call(m proto.Message) events.Code {
	at.calls++
	return at.queue.Decide(&sharedlog.Call{Offset: at.calls, Message: m})
}

func (at *receiver) held() (h Held) {
	h.Last, h.Next = at.queue.Last()
	if first := at.queue.Entries(nil, -1, 1); len(first) > 0 {
		h.Head, _ = queue.ParseSequence(first[0].ID)
	}
	return h
}

func (at *receiver) seen() Seen {
	s := SeenOf(at.core)
	s.Refused = at.refused
	return s
}

// feed takes a step of the feed of a site, by a fold of the log.
func (w *world) feed(at *receiver, fold *network.Core) {
	of, ok := fold.StandingOf(at.name)
	if !ok {
		return
	}
	held, seen := at.held(), at.seen()
	switch w.mutant {
	case sentIsTakenOut:
		seen.Sequence = max(seen.Sequence, min(of.Last, at.channel.next-min(1, at.channel.next)))
	case oldEntriesStay:
		held.Head.Term = max(held.Head.Term, of.Term)
	case jumpsAreWaitedFor:
		of.First = min(of.First, held.Next)
	}
	s := Feed(of, held, seen)
	w.counts[s.Kind.String()]++
	switch s.Kind {
	case Trim:
		w.trimmed(at, fold, s.To)
		if code := at.call(&events.QueueTrimmed{Through: int64(s.To)}); code != "" {
			w.fail("%s: trim through %d: %s", at.name, s.To, code)
		}
	case Enqueue:
		for n := s.From; n <= s.To; n++ {
			e := fold.Entry(at.name, n)
			if e == nil || w.unlucky(20) { // It crashes in between.
				return
			}
			in, err := item(e)
			if err != nil {
				w.fail("%v", err)
				return
			}
			code := at.call(&events.QueueEnqueued{Id: in.ID, Payload: in.Payload})
			if code != "" {
				w.fail("%s: enqueue %s: %s, although the next is %d", at.name, in.ID, code, at.held().Next)
			}
		}
	case End:
		if fold == w.global {
			w.fail("%s: the delivery of term %d ends, and the queue has %v", at.name, of.Term, at.held().Last)
		}
	}
}

// trimmed looks whether all that is taken out is applied, or is not to be applied any more.
func (w *world) trimmed(at *receiver, fold *network.Core, through uint64) {
	seen := at.seen()
	for _, e := range at.queue.Entries(nil, -1, 100) {
		id, _ := queue.ParseSequence(e.ID)
		if id.Number > through || id.Term < fold.Term() || seen.Term == id.Term && id.Number <= seen.Sequence {
			continue
		}
		if fold.Entry(at.name, id.Number) != nil {
			w.fail("%s: %s is taken out of the queue, and is not applied: the site has %+v", at.name, e.ID, seen)
		}
	}
}

// send takes a step of the channel of a site.
func (w *world) send(at *receiver) {
	of, ok := w.global.StandingOf(at.name)
	if !ok {
		return
	}
	passed := at.held().Next - 1
	if w.mutant == queueIsNotWaitedFor {
		passed = of.Last
	}
	s := at.channel.Next(of, passed, at.seen(), w.clock)
	w.counts[s.Kind.String()]++
	var all []proto.Message
	switch s.Kind {
	case Wait:
		return
	case Begin:
		sync, _ := w.global.Sync(at.name)
		w.ids++
		at.attempt = divide(sync, fmt.Sprint("sync", w.ids), 40)
		at.channel.Began(at.attempt.id, sync.Begin.Sync, at.attempt.Parts(), w.clock)
	case SendParts:
		for n := s.From; n <= s.To; n++ {
			all = append(all, at.attempt.Part(n).Message)
		}
	case Send:
		for n := s.From; n <= s.To; n++ {
			e := w.global.Entry(at.name, n)
			if e == nil {
				w.fail("%s: entry %d is to be sent, and is not there: %+v", at.name, n, of)
				return
			}
			if n >= at.held().Next {
				w.fail("%s: entry %d is sent, and the queue never had it", at.name, n)
			}
			all = append(all, e)
		}
	case Ask:
		w.decide(&events.NetworkSiteReport{Site: at.name, Term: of.Term, NeedsSync: s.Reason})
	}
	for _, m := range all {
		if w.unlucky(40) {
			if w.chance(2) {
				at.begin() // It crashes in between.
			}
			return
		}
		at.inbox = append(at.inbox, proto.Clone(m))
		if w.unlucky(20) {
			at.inbox = append(at.inbox, at.inbox[w.rng.IntN(len(at.inbox))]) // Something of before, late.
		}
	}
	switch {
	case w.unlucky(20): // It crashes before it knows.
		at.begin()
	case w.unlucky(20): // The outcome is not known.
	default:
		at.channel.Sent(s, w.clock)
	}
}

// tell takes a step of the relay of a site.
func (w *world) tell(at *receiver) {
	of, ok := w.global.StandingOf(at.name)
	if !ok {
		return
	}
	seen := at.seen()
	if s := at.relay.Next(of, seen, w.clock); s.Kind == Tell {
		w.counts["tell"]++
		at.relay.Told(seen, w.clock)
		if w.counts["tell"]%4 > 0 { // Also when it is calm: the end of a story may be lost.
			w.decide(seen.Report(at.name))
		}
	}
}

// receive has a site decide on what is next in its inbox.
func (w *world) receive(at *receiver) {
	if at.read == len(at.inbox) {
		return
	}
	m := at.inbox[at.read]
	at.read++
	if w.unlucky(300) { // It cannot be read.
		m = nil
	}
	now := events.Clock{Now: w.clock, ReadTo: w.clock}
	emit := func(m proto.Message) {
		if d, ok := m.(*events.NetworkEntryDeclined); ok && refuses(d.Code) {
			at.refused++
		}
		at.core.Apply(events.Logged{Message: proto.Clone(m)})
	}
	in := site.Input{ID: "1", Message: m}
	if m == nil {
		in.Err = events.Refuse(events.CodeBadData, "torn")
	}
	at.core.Decide(events.Input[site.Input]{Value: in}, now, emit)
}

// judge compares each site with what it must have.
func (w *world) judge() {
	for _, of := range w.global.Sites() {
		at := w.at[of.Site.Name]
		must, has := w.global.State().Project(at.name), at.core.Wanted()
		if model.Digest(must) != model.Digest(has) || len(must) != len(has) {
			w.fail("%s has %d objects, and must have %d", at.name, len(has), len(must))
		}
		if of.Applied != of.Last || of.Applied != at.core.Report().Sequence || of.Syncing {
			w.fail("%s is said to have entry %d of %d, and has %+v", at.name, of.Applied, of.Last, at.seen())
		}
		if n := at.queue.Counts().Entries; n > 0 || at.held().Next <= of.Last {
			w.fail("%s: the queue holds %d entries, and the next is %d behind entry %d", at.name, n, at.held().Next, of.Last)
		}
	}
}
