package replicator

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/admission"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// status writes replication.status: of each copy of this process what has changed, and of
// each link how this process's share stands, once a second, so that an idle link shows that
// it is alive. The newest record of a key counts: link/topic of the target/partition, or
// link@replicator. It is safe for concurrent use.
type status struct {
	log     eventlog.Log
	encoder events.Encoder
	name    string // of the replicator
	process string // tells it from others of the name
	board   *trouble.Board
	metrics *metrics
	// standing tells how the snapshot of a copy stands.
	standing func(id string) admission.Standing

	mu     sync.Mutex
	linked []links.Link
	chosen map[string]int // copies of all replicators, by link
	trials
	copies   map[string]*standing // by ID
	gone     map[string]bool      // keys whose records are to be deleted
	ended    map[string]*ended    // by key
	recalled []*events.ReplicationCopyReported
	heard    map[string]*events.ReplicationCopyReported // with incidents or the ID of their topic, as told last, by key
	shares   map[string]*share                          // by link

	urgent chan struct{} // holds one if a claim is to be told
}

// trials are what links meet, beside their copies. They change together: a link whose source
// has not answered, and then counts as away, is not idle in between.
type trials struct {
	problems []selection.Problem
	joining  map[string]bool // links whose source has not answered yet
}

// standing is how a copy stands.
type standing struct {
	job
	report    copying.Report
	incidents []*events.ReplicationIncident // the newest
	happened  int64                         // incidents, all
	before    totals                        // what copiers have done before the one that runs
	news      bool
	told      time.Time // when it was told of last

	// How its snapshot stands in the admission, and as it was told last, and when.
	admission, admissionTold admission.Standing
	placed                   time.Time

	// What was seen of the source beside what the copy itself has seen.
	end     int64
	endSeen time.Time
	start   int64 // what stood before is gone
	front   front
	topic   topic // that is copied

	// What the audit has found.
	unaudited int64  // offsets of the target
	audited   int64  // the offset of the target below which it was compared
	differs   int64  // windows
	different string // what is wrong in the first of them
}

// share is what was told of a link before.
type share struct {
	at      time.Time
	records map[string]int64 // of each copy, by ID
	bytes   map[string]int64
}

const (
	// statusEvery is how often status is written.
	statusEvery = time.Second
	// statusTimeout bounds one write; partingTimeout the last one.
	statusTimeout, partingTimeout = 10 * time.Second, 2 * time.Second
	// claimAgain is how long a claim may take to be read until it is told again.
	claimAgain = 5 * time.Second
	// mostProblems are told, the first.
	mostProblems = 100
	// inOneBatch is how many records are written together.
	inOneBatch = 1000
)

func newStatus(s *Service) *status {
	return &status{
		log: s.deps.Cluster.Partition(s.topics.ReplicationStatus(), 0), name: s.cfg.Instance, process: rand.Text(), board: s.deps.Cluster.Kafka().Board(), metrics: s.metrics,
		standing: s.admitting.standing,
		encoder:  events.Encoder{Source: "/spanway/" + s.cfg.Site + "/replicator", JSON: s.cfg.JSON},
		copies:   map[string]*standing{}, gone: map[string]bool{}, ended: map[string]*ended{}, shares: map[string]*share{},
		urgent: make(chan struct{}, 1),
	}
}

// wanted says what this process has: copies that run, and those that are paused. What it
// had and the site does not want any more is deleted from the status, unless its source was
// deleted.
func (s *status) wanted(all []links.Link, run, rest map[string]job, met trials, selected *selection.Selection, past *past) {
	s.mu.Lock()
	defer s.mu.Unlock()
	site := map[string]string{} // the links, by copy
	s.chosen = map[string]int{}
	for i := range selected.Copies {
		site[selected.Copies[i].ID] = selected.Copies[i].Link
		s.chosen[selected.Copies[i].Link]++
	}
	for id, st := range s.copies {
		_, runs := run[id]
		_, rests := rest[id]
		of := st.Link == site[id] // A copy may come to be another link's.
		if !of {
			s.leave(st, past)
		}
		if (runs || rests) && of {
			continue
		}
		delete(s.copies, id)
	}
	s.settle(selected, past)
	s.have(run, rest)
	for _, l := range s.linked {
		if !slices.ContainsFunc(all, func(other links.Link) bool { return other.Name == l.Name }) {
			s.gone[s.shareKey(l.Name)] = true
			delete(s.shares, l.Name)
		}
	}
	s.linked, s.trials = all, met
}

// have notes the copies of this process. s.mu is held.
func (s *status) have(run, rest map[string]job) {
	for id, j := range run {
		if st := s.copies[id]; st == nil || st.report.Paused {
			s.copies[id] = st.again(j)
			s.copies[id].inherit(s.heard[j.key()])
			s.copies[id].claims(s.urgent)
		} else {
			if j.Resumed > st.Resumed {
				st.differs = 0
			}
			st.news = st.news || j.claim != st.claim
			st.job = j
			st.claims(s.urgent)
		}
	}
	for id, j := range rest {
		if st := s.copies[id]; st == nil {
			s.copies[id] = &standing{job: j, news: true, report: copying.Report{Paused: true}}
			s.copies[id].inherit(s.heard[j.key()])
		} else if !st.report.Paused {
			st.job, st.news, st.report.Paused = j, true, true
		} else {
			st.news = st.news || j.claim != st.claim
			st.claim = j.claim
		}
	}
}

// claims has it told at once that the link of a copy claims its target topic, if that is to be
// told.
func (st *standing) claims(urgent chan<- struct{}) {
	if st.claim > 0 || !st.told.IsZero() && time.Since(st.told) < claimAgain {
		return
	}
	st.news = true
	select {
	case urgent <- struct{}{}:
	default:
	}
}

// reported notes how a copy stands. That a copier has ended is none of its business: why
// is known to whatever ended it.
func (s *status) reported(id string, r copying.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.copies[id]
	if st == nil || r.Paused || st.Paused {
		return
	}
	s.metrics.reported(st, &r)
	if r.Counts.Copied < st.report.Counts.Copied || r.Bytes < st.report.Bytes {
		st.before.add(&st.report) // Its copier began anew.
	}
	st.happened += int64(len(r.Incidents))
	for _, i := range r.Incidents {
		st.incidents = append(st.incidents, &events.ReplicationIncident{Reason: string(i.Reason), Offset: i.Offset, Lost: i.Lost, LostUnknown: i.LostUnknown, AtMs: time.Now().UnixMilli()})
	}
	st.incidents = st.incidents[max(0, len(st.incidents)-mostIncidents):]
	st.topic.reported(&r)
	st.report, st.news = r, true
}

// stopped tells whether a copy has stopped by itself, or its snapshot has failed.
func (s *status) stopped(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.copies[id]
	return st != nil && !st.report.Paused && (st.report.State == mirror.Stopped || s.standing(id).Failures > 0)
}

func (s *status) shareKey(link string) string { return link + "@" + s.name }

func (j *job) key() string {
	return copyKey(j.Link, j.Config.Target.Topic, j.Config.Target.Partition)
}

func copyKey(link, target string, partition int32) string {
	return fmt.Sprintf("%s/%s/%d", link, target, partition)
}

func (st *standing) message(replicator string, now time.Time) *events.ReplicationCopyReported {
	r, done := &st.report, st.before
	done.add(&st.report)
	return &events.ReplicationCopyReported{
		Link: st.Link, Topic: st.Config.Source.Topic, Partition: st.Config.Source.Partition, TargetTopic: st.Config.Target.Topic,
		State: st.state(), Reason: st.reason(), Next: st.next(), SourceEnd: st.sourceEnd(), SnapshotEnd: r.SnapshotEnd, Generation: r.Generation,
		ConsistentSinceMs: millis(r.ConsistentSince),
		Counts: &events.ReplicationCounts{
			Copied: done.Copied, Bytes: done.bytes, Looped: done.Looped, Relayed: done.Relayed, Elsewhere: done.Elsewhere, Buried: done.Buried, Swept: done.Swept,
		},
		LastTimestampMs: r.LastTimestamp, CopiedAtMs: millis(r.CopiedAt), AtMs: now.UnixMilli(), LastError: r.LastError, SinceMs: millis(r.Since),
		Incidents: recent(st.incidents, now), IncidentsTotal: st.happened, LagUnknown: st.lagUnknown(), Replicator: replicator,
		Place: int32(st.admission.Place), Line: int32(st.admission.Line), Failures: int32(st.admission.Failures), AgainAtMs: millis(st.admission.Again),
		Claim: st.claim, SourceStart: st.sourceStart(), SourceId: st.topic.id(),
	}
}

// millis is a time in milliseconds since the Unix epoch; 0 if there is none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// shareOf is how this process's share of a link stands.
func (s *status) shareOf(l *links.Link, now time.Time) *events.ReplicationLinkReported {
	m := &events.ReplicationLinkReported{Link: l.Name, Replicator: s.name, Process: s.process, State: "idle", AtMs: now.UnixMilli()}
	before, next := s.shares[l.Name], &share{at: now, records: map[string]int64{}, bytes: map[string]int64{}}
	switch {
	case l.Paused:
		m.State = "paused"
	case s.joining[l.Name]:
		m.State = connectingTo
	}
	consistent, worst := true, ill{}
	for id, st := range s.copies {
		if st.Link != l.Name {
			continue
		}
		st.add(m, &worst, now)
		consistent = consistent && !st.report.ConsistentSince.IsZero()
		m.ConsistentSinceMs = max(m.ConsistentSinceMs, millis(st.report.ConsistentSince))
		next.records[id], next.bytes[id] = st.report.Counts.Copied, st.report.Bytes
	}
	if !consistent {
		m.ConsistentSinceMs = 0
	}
	worst.settle(m)
	switch {
	case l.Paused && l.FailedOver:
		m.Lag, m.LagMs, m.LagUnknown = 0, 0, 0
	case s.away()[l.Name]:
		m.LagUnknown = m.Copies // At least so much waits as was known last.
	}
	m.RecordsPerSecond, m.BytesPerSecond = next.since(before)
	s.shares[l.Name] = next
	s.blame(m)
	slices.SortStableFunc(m.Problems, func(a, b *events.ReplicationProblem) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Text, b.Text))
	})
	return m
}

// since is how much was copied in a second since before.
func (h *share) since(before *share) (records, bytes float64) {
	if before == nil || !h.at.After(before.at) {
		return 0, 0
	}
	for id, n := range h.records {
		if then := before.records[id]; n >= then { // Else its copier began anew.
			records, bytes = records+float64(n-then), bytes+float64(h.bytes[id]-before.bytes[id])
		}
	}
	took := h.at.Sub(before.at).Seconds()
	return records / took, bytes / took
}

// ill is the worst state of copies that do not go on, and why it is that.
type ill struct{ state, reason string }

func (i *ill) add(state, reason string) {
	if severity[state] > severity[i.state] || i.state == state && reason < i.reason {
		i.state, i.reason = state, reason
	}
}

// settle has the share say so. Its state is that only if no copy of it goes on.
func (i *ill) settle(m *events.ReplicationLinkReported) {
	if m.Reason = i.reason; i.state != "" && m.Stopped+m.Failed == m.Copies {
		m.State = i.state
	}
}

// add adds a copy to the share of its link. The state of that is the worst of those that go on:
// one that does not is counted, and stops no other.
func (st *standing) add(m *events.ReplicationLinkReported, worst *ill, now time.Time) {
	r, state := &st.report, st.state()
	m.Copies++
	switch {
	case r.Paused:
	case r.State == mirror.Stopped:
		m.Stopped++
		worst.add(state, st.reason())
	case state == failed:
		m.Failed++
		m.Snapshots++
		worst.add(state, st.reason())
	case r.FenceRefused:
		m.Failed++
		m.Snapshots++
		worst.add(failed, string(selection.FenceRefused))
	case r.State != mirror.Delta && r.State != mirror.Sweeping:
		m.Snapshots++
	}
	st.wait(m)
	if ails := state == mirror.Stopped.String() || state == failed || r.FenceRefused && !r.Paused; !ails && severity[state] > severity[m.State] {
		m.State = state
	}
	if r.LastError != "" {
		m.LastError = r.LastError
	}
	if m.Lag += st.behind(); st.lagUnknown() {
		m.LagUnknown++
	}
	if oldest := st.oldest(); oldest > 0 {
		m.LagMs = max(m.LagMs, now.UnixMilli()-oldest)
	}
	if p := st.losing(); p != nil && len(m.Problems) < mostProblems {
		m.Problems = append(m.Problems, p)
	}
	if r.FenceRefused && !r.Paused {
		if len(m.Problems) < mostProblems {
			m.Problems = append(m.Problems, st.fenceRefused())
		}
	}
}
