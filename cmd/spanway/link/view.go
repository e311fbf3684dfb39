package link

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// fresh is how old a report may be: replicators report once a second.
const fresh = 5 * time.Second

// unattended is the state of a link of which no replicator reports.
const unattended = "unattended"

// starting is the state of a link that was declared just now, and which no replicator has
// taken yet.
const starting = "starting"

// linkView is a link and how it stands, as -o json prints it; the names are stable.
type linkView struct {
	replication.Spec
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	Remedy string `json:"remedy,omitempty"`
	// Copies are partitions; of them so many have not come to the end of their snapshot,
	// of these so many wait for others, and so many have stopped. Failures are the most in a
	// row of any snapshot.
	Copies    int32 `json:"copies"`
	Snapshots int32 `json:"snapshots"`
	Waiting   int32 `json:"waiting"`
	Stopped   int32 `json:"stopped"`
	// Failed are copies, too; FailedTopics are chosen, and have none.
	Failed       int32 `json:"failed"`
	FailedTopics int32 `json:"failed_topics"`
	Failures     int32 `json:"failures"`
	// Lag is in records, LagMs how old the oldest of them is, 0 if none waits; null if that is
	// not known. Of LagUnknown copies it is not known, or at least what is in Lag: of all while
	// the source is away.
	Lag              *int64        `json:"lag"`
	LagMs            *int64        `json:"lag_ms"`
	LagUnknown       int32         `json:"lag_unknown"`
	FailedOver       bool          `json:"failed_over,omitempty"`
	RecordsPerSecond float64       `json:"records_copied_per_second"`
	BytesPerSecond   float64       `json:"bytes_copied_per_second"`
	ConsistentSince  string        `json:"consistent_since,omitempty"`
	LastError        string        `json:"last_error,omitempty"`
	HeartbeatMs      *int64        `json:"heartbeat_age_ms,omitempty"`
	Replicators      []string      `json:"replicators"`
	Problems         []problemView `json:"problems"`
	SourceDeleted    []deletedView `json:"source_deleted,omitempty"`
	Losses           []lossView    `json:"losses,omitempty"`
	Revision         int64         `json:"revision"`
	Partitions       []copyView    `json:"partitions,omitempty"`
}

type problemView struct {
	Topic string `json:"topic,omitempty"`
	Code  string `json:"code"`
	Text  string `json:"text"`
}

// copyView is the copy of a partition.
type copyView struct {
	Topic       string `json:"topic"`
	Partition   int32  `json:"partition"`
	TargetTopic string `json:"target_topic"`
	State       string `json:"state"`
	Reason      string `json:"reason,omitempty"`
	Remedy      string `json:"remedy,omitempty"`
	Next        int64  `json:"next"`
	SourceEnd   int64  `json:"source_end"`
	// Lag is null if it is not known. LagAtLeast: the source is away, and may have more.
	Lag             *int64 `json:"lag"`
	LagAtLeast      bool   `json:"lag_at_least,omitempty"`
	Copied          int64  `json:"copied"`
	Buried          int64  `json:"buried"`
	ConsistentSince string `json:"consistent_since,omitempty"`
	LastError       string `json:"last_error,omitempty"`
	// Since is when the state began. TargetEnd is where the copy ends, if the source was
	// deleted.
	Since     string `json:"since,omitempty"`
	TargetEnd int64  `json:"target_end,omitempty"`
	// Place in the line of snapshots that wait, of Line; Failures in a row, and when it is
	// tried again.
	Place      int32          `json:"place,omitempty"`
	Line       int32          `json:"line,omitempty"`
	Failures   int32          `json:"failures,omitempty"`
	AgainAt    string         `json:"again_at,omitempty"`
	Replicator string         `json:"replicator"`
	Incidents  []incidentView `json:"incidents,omitempty"`
	// IncidentsMore are older ones, which the log of the replicator has.
	IncidentsMore int64 `json:"incidents_more,omitempty"`

	begins bool // what comes Next is not known yet, and is 0
}

// next is the offset that comes next, for people.
func (v *copyView) next() string {
	if v.begins {
		return "-"
	}
	return strconv.FormatInt(v.Next, 10)
}

// severity orders the states of a link: the worst of several replicators is that of all.
var severity = map[string]int{
	"": 0, "idle": 1, "connecting": 1, "delta": 2, "paused": 3, "sweeping": 3, "waiting": 4, "snapshot": 5, "beginning": 6, "proving": 6, "resuming": 6, "claiming": 7, "failed": 8, "stopped": 9,
}

// viewLink puts together what is declared and what is reported.
func viewLink(l replication.Link, status *replication.Status, now int64) linkView {
	v := linkView{Spec: l.Spec, Replicators: []string{}, Problems: []problemView{}, SourceDeleted: deletedOf(&l, status), Losses: lossesOf(l.Name, status, now), Revision: l.Revision}
	heartbeat, consistent, lag := int64(0), int64(0), &lagged{}
	settled, worst := true, ""
	for _, m := range status.Shares {
		if m.Link != l.Name {
			continue
		}
		if heartbeat = max(heartbeat, m.AtMs); now-m.AtMs > fresh.Milliseconds() {
			continue
		}
		if v.add(m); m.State == "failed" && m.Stopped+m.Failed == 0 || m.Copies > m.Stopped+m.Failed || m.Copies == 0 {
			v.take(m)
		} else if severity[m.State] > severity[worst] {
			worst = m.State
		}
		lag.add(m)
		settled = settled && (m.Copies == 0 || m.ConsistentSinceMs > 0)
		consistent = max(consistent, m.ConsistentSinceMs)
	}
	if v.Copies > 0 && v.Copies == v.Stopped+v.Failed && severity[worst] > severity[v.State] {
		v.State = worst // No copy goes on, of any replicator.
	}
	if heartbeat > 0 {
		age := max(0, now-heartbeat)
		v.HeartbeatMs = &age
	}
	if n := left(l.Name, status, now); n > 0 {
		settled, lag.copies, lag.unknown = false, lag.copies+n, lag.unknown+n
	}
	if v.FailedOver = l.Paused && l.FailedOver; !v.FailedOver { // Else it has no lag that matters.
		v.Lag, v.LagMs, v.LagUnknown = lag.known()
	}
	if v.Copies == 0 && (l.Paused || v.FailedTopics > 0 || v.State == "failed" || v.State == "connecting") {
		v.Lag, v.LagMs = nil, nil // Something may wait, and nothing that is copied tells of it.
	}
	v.doubles(status, now)
	if settled {
		v.ConsistentSince = cli.Stamp(consistent)
	}
	switch {
	case l.Paused:
		v.State, v.Reason = "paused", l.Reason
		if v.Remedy = fmt.Sprintf("spanway link resume %s", l.Name); l.FailedOver {
			v.Remedy = failedOver(l)
		}
	case heartbeat == 0 && isFresh(now-l.DeclaredMs):
		v.State, v.Remedy = starting, "it was declared just now: a replicator of this site takes it within seconds"
	case len(v.Replicators) == 0:
		v.State, v.Remedy = unattended, notReported(heartbeat, now)
	case v.Copies == 0 && v.State == "idle" && len(v.Problems) == 0 && len(v.SourceDeleted) > 0:
		v.State, v.Remedy = sourceDeleted, "no error: all that it copied was deleted at the source, and the copies are kept"
	case v.State == "connecting":
		v.Remedy = fmt.Sprintf("the source %s has not answered yet: what is in the way is shown here within seconds", l.Source)
	case v.Copies == 0 && v.State == "idle" && len(v.Problems) == 0:
		v.Remedy = fmt.Sprintf("it waits for topics of %s that it chooses: they are copied within a second once they are there", l.Source)
	default:
		v.Remedy = remedy(v.Reason, l.Name, "TOPIC", "")
	}
	return v
}

// failedOver is what to do about a link that was failed over.
func failedOver(l replication.Link) string {
	if l.NoLinkBack {
		return fmt.Sprintf("its source %s was away, and there is no link back yet: call spanway link failover %s here again when it answers", l.Source, l.Name)
	}
	return fmt.Sprintf("none is needed: the link back copies from here (spanway link show at that site says how it stands); to fail back, call spanway link failover at the site %s", l.Source)
}

// notReported is what to do about a link of which no replicator reports. One that was just
// declared has no report yet.
func notReported(heartbeat, now int64) string {
	if heartbeat == 0 {
		return "no replicator of this site has reported of it yet: one that runs does within seconds; if none does, run one (spanway serve replicator)"
	}
	return fmt.Sprintf("no replicator of this site has reported of it for %s: run one (spanway serve replicator)", seconds(now-heartbeat))
}

// add adds the share of a replicator.
func (v *linkView) add(m *events.ReplicationLinkReported) {
	v.Replicators = append(v.Replicators, m.Replicator)
	v.Copies, v.Snapshots, v.Stopped = v.Copies+m.Copies, v.Snapshots+m.Snapshots, v.Stopped+m.Stopped
	v.Waiting, v.Failures = v.Waiting+m.Waiting, max(v.Failures, m.Failures)
	v.RecordsPerSecond, v.BytesPerSecond = v.RecordsPerSecond+m.RecordsPerSecond, v.BytesPerSecond+m.BytesPerSecond
	v.Failed, v.FailedTopics = v.Failed+m.Failed, max(v.FailedTopics, m.FailedTopics)
	v.Reason = cmp.Or(v.Reason, m.Reason)
	if m.LastError != "" {
		v.LastError = m.LastError
	}
	for _, p := range m.Problems {
		if view := (problemView{p.Topic, p.Code, p.Text}); !v.has(view) {
			v.Problems = append(v.Problems, view)
		}
	}
}

// take takes the state of a replicator's share, if it is the worst so far.
func (v *linkView) take(m *events.ReplicationLinkReported) {
	if severity[m.State] > severity[v.State] {
		v.State, v.Reason = m.State, cmp.Or(m.Reason, v.Reason)
	}
}

// doubles adds the problem of replicators that have one name.
func (v *linkView) doubles(status *replication.Status, now int64) {
	for _, d := range status.Duplicates {
		if now-d.AtMs <= fresh.Milliseconds() && slices.Contains(v.Replicators, d.Replicator) {
			v.Problems = append(v.Problems, problemView{Code: "duplicate_instance", Text: fmt.Sprintf(
				"two or more replicators of this site have the name %s: each record is copied once all the same, but only what one of them reports is shown; give each a name of its own (--instance)", d.Replicator)})
		}
	}
}

// has tells whether a problem is told already: each replicator tells all.
func (v *linkView) has(p problemView) bool {
	for _, other := range v.Problems {
		if other == p {
			return true
		}
	}
	return false
}

// stands is the state for people: while the snapshot waits, with its place in line, or when
// it is tried again.
func (v *copyView) stands() string {
	text := v.State
	switch {
	case v.State == sourceDeleted:
		text += fmt.Sprintf(" since %s, kept to %d", v.Since, v.TargetEnd)
	case v.Place > 0:
		text += fmt.Sprintf(", %d of %d", v.Place, v.Line)
	case v.AgainAt != "":
		text += ", again at " + v.AgainAt
	}
	if v.Failures > 0 {
		text += fmt.Sprintf(", failures: %d", v.Failures)
	}
	return text
}

// colour of a state.
func colour(state string) string {
	switch state {
	case "delta", "idle":
		return render.Green
	case "stopped", "failed", unattended:
		return render.Red
	}
	return render.Yellow
}

// lag is how far the link is behind, for people: records, and how old the oldest is.
func (v *linkView) lag() string {
	switch {
	case v.FailedOver, v.Lag == nil && len(v.Replicators) == 0:
		return "-"
	case v.Lag == nil:
		return "?"
	}
	least := ""
	if v.LagUnknown > 0 || v.FailedTopics > 0 {
		least = "+"
	}
	switch {
	case *v.Lag == 0:
		return "0" + least
	case v.LagMs == nil:
		return fmt.Sprintf("%d%s (?)", *v.Lag, least)
	}
	return fmt.Sprintf("%d%s (%s)", *v.Lag, least, seconds(*v.LagMs))
}

// waiting is lag in a sentence.
func (v *linkView) waiting() string {
	more := ""
	switch {
	case v.sourceAway():
		more = ", as known last: the source is away, and may have more"
	case v.LagUnknown > 0:
		more = fmt.Sprintf("; of %s it is not known", render.Count(int(v.LagUnknown), "partition", "partitions"))
	}
	if v.FailedTopics > 0 {
		more += fmt.Sprintf("; of %s not copied it is not known", render.Count(int(v.FailedTopics), "topic that is", "topics that are"))
	}
	switch {
	case v.FailedOver:
		return "none that matters: it was failed over"
	case v.Lag == nil:
		return "not known"
	case *v.Lag == 0:
		return "0 records" + more
	case v.LagMs == nil:
		return fmt.Sprintf("%d records; how old the oldest is, is not known%s", *v.Lag, more)
	}
	return fmt.Sprintf("%d records; the oldest is %s old%s", *v.Lag, seconds(*v.LagMs), more)
}

// sourceAway says that nothing can be asked of the source now.
func (v *linkView) sourceAway() bool {
	return slices.ContainsFunc(v.Problems, func(p problemView) bool { return p.Code == sourceUnreachable || p.Code == sourceRejected })
}

// alive tells until when replicators have proven that they work on the link.
func (v *linkView) alive() string {
	if v.HeartbeatMs == nil {
		return "not proven: no replicator has reported yet"
	}
	return fmt.Sprintf("as of %s ago, by %s", seconds(*v.HeartbeatMs), cli.Dash(strings.Join(v.Replicators, " ")))
}

func seconds(ms int64) string { return fmt.Sprintf("%.1fs", float64(ms)/1000) }

// viewCopies are the copies of a link.
func viewCopies(l *replication.Link, status *replication.Status, now int64) (views []copyView) {
	link, runs := l.Name, running(l.Name, status, now)
	whole := viewLink(*l, status, now)
	away := whole.sourceAway()
	for _, m := range status.Copies {
		if m.Link != link {
			continue
		}
		v := copyView{
			Topic: m.Topic, Partition: m.Partition, TargetTopic: m.TargetTopic, State: m.State, Reason: m.Reason,
			Remedy: remedy(m.Reason, link, m.Topic, fmt.Sprintf(" --partition %d", m.Partition)),
			Next:   m.Next, SourceEnd: m.SourceEnd, Copied: m.Counts.GetCopied(), Buried: m.Counts.GetBuried(),
			ConsistentSince: cli.Stamp(m.ConsistentSinceMs), LastError: m.LastError, Replicator: m.Replicator,
			Since: cli.Stamp(m.SinceMs), TargetEnd: m.TargetEnd,
			Place: m.Place, Line: m.Line, Failures: m.Failures, AgainAt: cli.Stamp(m.AgainAtMs),
			begins: m.LagUnknown && m.Generation == 0 && m.Next == 0,
		}
		behind := max(0, m.SourceEnd-max(m.Next, m.SourceStart))
		if m.State == sourceDeleted {
			v.Remedy, behind = keptRemedy(l, m), 0 // Nothing waits any more.
		}
		if v.LagAtLeast = away && m.State != sourceDeleted; !m.LagUnknown && (behind > 0 || !v.LagAtLeast) {
			v.Lag = &behind
		}
		if !runs(m) {
			v.leave()
		}
		v.happened(m, now)
		views = append(views, v)
	}
	return views
}

// lagged is the lag of a link.
type lagged struct {
	records, ms     int64
	copies, unknown int32
	told            bool
}

// add adds the share of a replicator.
func (l *lagged) add(m *events.ReplicationLinkReported) {
	l.records, l.ms, l.told = l.records+m.Lag, max(l.ms, m.LagMs), true
	l.copies, l.unknown = l.copies+m.Copies, l.unknown+m.LagUnknown
}

// known is what is known of it.
func (l *lagged) known() (records, ms *int64, unknown int32) {
	if !l.told || l.copies > 0 && l.unknown >= l.copies && l.records == 0 {
		return nil, nil, l.unknown
	}
	if records = &l.records; l.records == 0 || l.ms > 0 {
		ms = &l.ms
	}
	return records, ms, l.unknown
}

// isFresh tells whether a link of that age, in milliseconds, was declared just now. The clock
// of who declared it may be a little ahead of this one.
func isFresh(age int64) bool { return age < fresh.Milliseconds() && age > -fresh.Milliseconds() }
