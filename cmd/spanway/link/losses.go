package link

import (
	"fmt"
	"strings"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// sourceChanged is the reason of an incident whose loss is known as far as the end of the source
// was seen.
const sourceChanged = "source_changed"

// lossView is what of a topic was lost for one reason within a day, before it was copied.
type lossView struct {
	Topic  string `json:"topic"`
	Reason string `json:"reason"`
	// Lost are offsets of the source: of source_changed at least so many. Of PartitionsUnknown it
	// is not known how many.
	Lost              int64 `json:"lost"`
	PartitionsUnknown int   `json:"partitions_unknown"`
	Partitions        int   `json:"partitions"`
}

// lossesOf are the losses of a link.
func lossesOf(link string, status *replication.Status, now int64) (views []lossView) {
	at := map[[2]string]int{}
	for _, m := range status.Copies {
		if m.Link != link {
			continue
		}
		for reason, loss := range losses(m, now-incidentsLast.Milliseconds()) {
			key := [2]string{m.TargetTopic, reason}
			i, known := at[key]
			if !known {
				i, at[key] = len(views), len(views)
				views = append(views, lossView{Topic: m.Topic, Reason: reason})
			}
			v := &views[i]
			v.Partitions, v.Lost = v.Partitions+1, v.Lost+loss.lost
			if loss.unknown {
				v.PartitionsUnknown++
			}
		}
	}
	return views
}

type incidentView struct {
	Reason string `json:"reason"`
	Offset int64  `json:"offset"`
	// Lost are offsets of the source: of source_changed at least so many.
	Lost        int64  `json:"lost,omitempty"`
	LostUnknown bool   `json:"lost_unknown,omitempty"`
	At          string `json:"at"`
	AgeMs       int64  `json:"age_ms"`
}

type loss struct {
	lost    int64
	unknown bool
}

// losses are those of a copy from a time on, by reason. One that was found at an offset again, such
// as by a copy that was resumed in vain, counts once.
func losses(m *events.ReplicationCopyReported, since int64) map[string]loss {
	type found struct {
		reason string
		offset int64
	}
	once, all := map[found]loss{}, map[string]loss{}
	for _, i := range m.Incidents {
		if i.AtMs < since || i.Lost == 0 && !i.LostUnknown {
			continue
		}
		of := once[found{i.Reason, i.Offset}]
		once[found{i.Reason, i.Offset}] = loss{max(of.lost, i.Lost), of.unknown || i.LostUnknown}
	}
	for of, l := range once {
		sum := all[of.reason]
		all[of.reason] = loss{sum.lost + l.lost, sum.unknown || l.unknown && l.lost == 0}
	}
	return all
}

// lostOf is what the copy of a partition has lost, as far as is reported: offsets of the source
// that were never copied, as by retention, or in a source that was created again.
func lostOf(link string, of copied, partition int32, status *replication.Status) (all loss) {
	for _, m := range status.Copies {
		if m.Link != link || m.Topic != of.topic || m.TargetTopic != of.target || m.Partition != partition {
			continue
		}
		for _, l := range losses(m, 0) {
			all.lost, all.unknown = all.lost+l.lost, all.unknown || l.unknown
		}
	}
	return all
}

// happened takes down the incidents of a copy that are not old.
func (v *copyView) happened(m *events.ReplicationCopyReported, now int64) {
	for _, i := range m.Incidents {
		if age := max(0, now-i.AtMs); age <= incidentsLast.Milliseconds() {
			v.Incidents = append(v.Incidents, incidentView{i.Reason, i.Offset, i.Lost, i.LostUnknown, cli.Stamp(i.AtMs), age})
		}
	}
	v.IncidentsMore = max(m.IncidentsTotal, int64(len(m.Incidents))) - int64(len(v.Incidents))
}

// incidentsLast is for how long an incident is shown.
const incidentsLast = 24 * time.Hour

// lost is what an incident has lost, behind what it is.
func (i *incidentView) lost() string {
	switch {
	case i.LostUnknown:
		return ", how many records were lost is not known"
	case i.Lost == 0:
		return ""
	case i.Reason == sourceChanged:
		return fmt.Sprintf(", at least %d lost", i.Lost)
	}
	return fmt.Sprintf(", %d lost", i.Lost)
}

func printLosses(a *cli.App, views []lossView) {
	for i := range views {
		v, text := &views[i], []string{}
		if v.Lost > 0 {
			least := ""
			if v.Reason == sourceChanged {
				least = "at least "
			}
			text = append(text, fmt.Sprintf("%s%s lost before copied", least, render.Count(int(v.Lost), "offset was", "offsets were")))
		}
		if v.PartitionsUnknown > 0 {
			text = append(text, fmt.Sprintf("of %s it is not known how many", render.Count(v.PartitionsUnknown, "partition", "partitions")))
		}
		a.Printf("  %-11s %s %s: %s, within a day (--partitions tells where)\n", "lost", v.Topic, v.Reason, strings.Join(text, "; "))
	}
}
