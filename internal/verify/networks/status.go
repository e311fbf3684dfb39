package networks

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// SiteCounts are those of the network.status of one site.
type SiteCounts struct {
	Site string `json:"site"`
	// Entries were applied, Skipped of them passed over; Syncs are full syncs.
	Entries int64 `json:"entries"`
	Skipped int64 `json:"skipped"`
	Syncs   int64 `json:"syncs"`
	// Lost are entries and full syncs of a log of changes that was lost.
	Lost int64 `json:"lost"`
	// Declined entries and parts of full syncs changed nothing, by code.
	Declined map[string]int64 `json:"declined,omitempty"`
	// Realised and Failed are how tasks ended.
	Realised int64 `json:"realised"`
	Failed   int64 `json:"failed"`
	// Term and Sequence of what is applied, and Last, the number of the site's newest entry in
	// network.changes; 0 if that was not looked at.
	Term     uint64 `json:"term"`
	Sequence uint64 `json:"sequence"`
	Last     uint64 `json:"last"`
	// Compared tells that what it has was compared with what it must have.
	Compared bool `json:"compared"`
}

// Status judges the network.status of a site. It is for one goroutine.
type Status struct {
	*chain.Partition
	counts SiteCounts
	// should is what the site must have, of which it is not known at some offsets from until on.
	should  *should
	history *History
	until   int64
	// has is what it has by what it applied.
	has            map[network.Path]*network.Object
	local          map[network.Path]*events.NetworkObject
	term, sequence uint64
	begun          *collecting
	// within: the beginning of the log is gone, and no full sync has come since.
	within bool
	tasks  tasks
}

// collecting is a full sync on its way.
type collecting struct {
	of       *events.NetworkSyncBegin
	segments uint32
	objects  map[network.Path]*network.Object
}

// NewStatus begins the judgement of the log of a site against a history, or of the log alone
// if that is nil. The history was read when the log ended at until; what comes behind may be
// of changes that it does not have. A site without a name is named by what it was sent.
func NewStatus(topic, site string, of *History, until int64, opts chain.Options) *Status {
	s := &Status{has: map[network.Path]*network.Object{}, local: map[network.Path]*events.NetworkObject{}, until: until}
	s.counts.Site, s.counts.Declined = site, map[string]int64{}
	s.against(of)
	s.Partition = chain.NewPartition(topic, 0, opts, s)
	return s
}

// against has the log compared with what its site must have, if both are known.
func (s *Status) against(of *History) {
	s.history = of
	if of != nil && !of.partial && of.sites[s.counts.Site] != nil {
		s.should = newShould(of, s.counts.Site)
		s.counts.Compared, s.counts.Last = true, s.should.of.last
	}
}

// Report tells what was found in all that was fed: call it once, at the end.
func (s *Status) Report() (chain.Report, SiteCounts) {
	if d := s.should; d != nil && d.of.there && !s.within && s.term == d.history.term {
		s.last(d)
	}
	s.counts.Term, s.counts.Sequence = s.term, s.sequence
	return s.Partition.Report(), s.counts
}

// last looks at how the site stands at the end, in the newest term.
func (s *Status) last(d *should) {
	at := chain.At{Offset: s.Last()}
	if d.of.observed > s.sequence {
		s.Find(Rule, at, "network.changes says that the site has applied entry %d, and by its own log it has come to entry %d", d.of.observed, s.sequence)
	}
	if d.astray || s.sequence != d.of.last {
		return
	}
	for _, p := range d.left() {
		s.Find(Rule, at, "the site has applied its last entry, %d of term %d, and %s", s.sequence, s.term, d.tell(p, s.has[p]))
	}
}

// Within implements chain.Contents.
func (s *Status) Within() { s.within, s.tasks.within = true, true }

// Batch implements chain.Contents.
func (s *Status) Batch(int64, int64) {}

// Forget implements chain.Contents.
func (s *Status) Forget() string {
	clear(s.has)
	clear(s.local)
	s.term, s.sequence, s.begun, s.tasks = 0, 0, nil, tasks{}
	return "what the site has is forgotten"
}

// Follow implements chain.Contents.
func (s *Status) Follow(at chain.At, m proto.Message) {
	switch m := m.(type) {
	case *events.NetworkEntryApplied:
		s.entry(at, m.GetEntry())
	case *events.NetworkEntryDeclined:
		s.counts.Declined[m.Code]++
	case *events.NetworkSyncBegan:
		s.begin(at, m.GetBegin())
	case *events.NetworkSyncCollected:
		s.collect(at, m.GetSegment())
	case *events.NetworkSyncApplied:
		s.synced(at, m)
	case *events.NetworkLocalChanged:
		s.locally(at, m)
	default:
		s.realised(at, m)
	}
}

// locally follows a change of the site's own objects, which nothing but a request makes.
func (s *Status) locally(at chain.At, m *events.NetworkLocalChanged) {
	if m.RequestId == "" {
		s.Find(Rule, at, "%d objects of the site's own were changed, and %d deleted, by no request", len(m.Objects), len(m.Deletes))
	}
	for _, o := range m.Objects {
		s.local[network.Path(o.GetPath())] = o
	}
	for _, p := range m.Deletes {
		delete(s.local, network.Path(p))
	}
}

// entry follows an entry, which must be the next one.
func (s *Status) entry(at chain.At, e *events.NetworkEntry) {
	s.counts.Entries++
	s.named(at, e.GetSite())
	unknown := s.within && s.term == 0
	if !unknown && (e.GetTerm() != s.term || e.GetSequence() != s.sequence+1 || e.GetPrevious() != s.sequence) {
		s.Find(Rule, at, "the site applied entry %d of term %d, which follows entry %d, and had entry %d of term %d",
			e.GetSequence(), e.GetTerm(), e.GetPrevious(), s.sequence, s.term)
	}
	s.term, s.sequence = e.GetTerm(), e.GetSequence()
	touched := map[network.Path]bool{}
	for _, r := range e.GetPuts() {
		o := network.FromRevised(r)
		if o == nil {
			s.Find(Rule, at, "entry %d puts %.200q, which is no object", s.sequence, r.GetObject().GetPath())
			continue
		}
		s.has[o.Path], touched[o.Path] = o, true
	}
	for _, p := range e.GetRemoves() {
		delete(s.has, network.Path(p))
		touched[network.Path(p)] = true
	}
	if e.GetSkipped() != "" {
		s.counts.Skipped++
	}
	if s.should == nil || s.within {
		return
	}
	if s.should.astray || !s.should.advance(s.term, s.sequence) {
		s.unknown(at, fmt.Sprintf("entry %d", s.sequence))
		return
	}
	s.compare(at, touched, e.GetSkipped() != "")
}

// unknown notes what the changes do not know of.
func (s *Status) unknown(at chain.At, what string) {
	s.should.astray = true
	switch {
	case at.Offset >= s.until: // It may be of a change that came later.
	case s.term < s.should.history.term:
		s.counts.Lost++
	case s.term > s.should.history.term && s.should.history.replaced: // It follows another one.
	default:
		s.Find(chain.RuleLoss, at, "the site applied %s of term %d, and its newest one in network.changes is %d: acknowledged changes are gone, and no term has begun since",
			what, s.term, s.should.of.last)
	}
}

// compare looks whether the site has what it must have, but for what entries that were passed
// over have left.
func (s *Status) compare(at chain.At, touched map[network.Path]bool, skipped bool) {
	for p := range s.should.moved {
		touched[p] = true
	}
	for p := range touched {
		switch same := s.should.same(p, s.has[p]); {
		case same:
			delete(s.should.open, p)
		case skipped && s.should.moved[p]:
			s.should.open[p] = passedOver
		case s.should.open[p] == 0:
			s.should.open[p] = told
			s.Find(Rule, at, "behind entry %d of term %d, %s", s.sequence, s.term, s.should.tell(p, s.has[p]))
		}
	}
	clear(s.should.moved)
}

func (s *Status) begin(at chain.At, m *events.NetworkSyncBegin) {
	s.named(at, m.GetSite())
	s.begun = &collecting{of: m, objects: map[network.Path]*network.Object{}}
}

func (s *Status) collect(at chain.At, m *events.NetworkSyncSegment) {
	if s.begun == nil {
		if !s.within {
			s.Find(Rule, at, "a segment of the full sync %.80q was collected, and none has begun", m.GetSyncId())
		}
		return
	}
	if m.GetSyncId() != s.begun.of.GetSyncId() || m.GetNumber() != s.begun.segments {
		s.Find(Rule, at, "segment %d of the full sync %.80q was collected, where segment %d of %.80q is the next", m.GetNumber(), m.GetSyncId(), s.begun.segments, s.begun.of.GetSyncId())
	}
	s.begun.segments++
	for _, r := range m.GetObjects() {
		if o := network.FromRevised(r); o != nil {
			s.begun.objects[o.Path] = o
		}
	}
}

// synced follows a full sync: what it brought is all that the site has.
func (s *Status) synced(at chain.At, m *events.NetworkSyncApplied) {
	s.counts.Syncs++
	if s.begun == nil || s.begun.of.GetSyncId() != m.SyncId {
		if !s.within {
			s.Find(Rule, at, "the full sync %.80q was applied, and has not begun", m.SyncId)
		}
		s.term, s.sequence = m.Term, m.Base
		return
	}
	back := m.Term < s.term || m.Term == s.term && m.Base < s.sequence
	if back || m.Term != s.begun.of.GetTerm() || m.Base != s.begun.of.GetBase() {
		s.Find(Rule, at, "the full sync %.80q leads from entry %d of term %d to entry %d of term %d; it began as one that leads to entry %d of term %d",
			m.SyncId, s.sequence, s.term, m.Base, m.Term, s.begun.of.GetBase(), s.begun.of.GetTerm())
	}
	before := s.has
	s.has, s.term, s.sequence, s.within = s.begun.objects, m.Term, m.Base, false
	s.begun = nil
	if s.should == nil {
		return
	}
	clear(s.should.open)
	if s.should.astray = back; back {
		return
	}
	if !s.should.leadTo(s.term, s.sequence) {
		s.unknown(at, fmt.Sprintf("a full sync to entry %d", s.sequence))
		return
	}
	touched := map[network.Path]bool{}
	for _, of := range []map[network.Path]*network.Object{before, s.has, s.should.objects} {
		for p := range of {
			touched[p] = true
		}
	}
	s.compare(at, touched, false)
}

// named looks whether what a site applied was for it.
func (s *Status) named(at chain.At, site string) {
	if s.counts.Site == "" {
		s.counts.Site = site
		s.against(s.history)
	}
	if site != s.counts.Site {
		s.Find(Rule, at, "site %s applied what was for site %.80q", s.counts.Site, site)
	}
}

// Whole is the until of a log that ended before its history was read.
const Whole = math.MaxInt64
