package replicator

import (
	"fmt"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// losing is the problem of a copy that loses records of its source, or may soon, and does not
// find that out by itself; nil if it has none.
func (st *standing) losing() *events.ReplicationProblem {
	from, code, text := st.Config.Source, "", ""
	switch next := st.next(); {
	case st.lost() == mirror.SourceChanged:
		code, text = string(mirror.SourceChanged), fmt.Sprintf(
			"partition %d is paused, and the source has another topic of that name now, or has lost its end: %s. Once it is resumed it goes by on.recreated of the link", from.Partition, st.gone())
	case st.lost() == mirror.Overtaken:
		start := st.sourceStart()
		code, text = string(mirror.Overtaken), fmt.Sprintf(
			"partition %d is paused, and retention of the source has deleted what was to be copied next: offsets %d to %d, %d of them, are lost, and more will be. Keep records for longer there (retention.ms, retention.bytes), and resume the link: it goes by on.overtaken then",
			from.Partition, next, start-1, start-next)
	case st.nearRetention():
		start, wayOut := max(st.start, st.report.SourceStart), "raise the limits of the link"
		if st.report.Paused {
			start, wayOut = st.start, "resume the link, which is paused"
		}
		code, text = string(selection.NearRetention), fmt.Sprintf(
			"partition %d is %d records behind, and the next one, %d, stands in the older half of what the source still has, %d to %d: keep records for longer there (retention.ms, retention.bytes), or %s",
			from.Partition, st.behind(), next, start, st.sourceEnd(), wayOut)
	default:
		return nil
	}
	return &events.ReplicationProblem{Topic: from.Topic, Code: code, Text: text}
}

// lost is what a paused copy has lost, as it is to find out when it is resumed; empty if nothing.
func (st *standing) lost() mirror.Reason {
	switch {
	case !st.report.Paused:
		return ""
	case st.topic.gone:
		return mirror.SourceChanged
	case st.sourceStart() > 0 && st.begun():
		return mirror.Overtaken
	}
	return ""
}

// begun says that the copy has decided on records before.
func (st *standing) begun() bool { return st.report.Generation > 0 || st.front.begun }

// nearRetention says that the source may soon delete what is yet to be copied. Of a paused copy
// it is known as far as the source was looked at since.
func (st *standing) nearRetention() bool {
	if !st.report.Paused {
		return st.report.NearRetention()
	}
	next, end := st.next(), st.sourceEnd()
	return st.begun() && st.start > 0 && st.start <= next && st.behind() > 0 && next-st.start < (end-st.start)/2
}

// gone tells what was not copied of the topic that the source had.
func (st *standing) gone() string {
	next, end := st.next(), st.topic.End
	switch {
	case end < 0:
		return fmt.Sprintf("how many records behind offset %d of the one that was copied were lost is not known", next)
	case end > next:
		return fmt.Sprintf("of the one that was copied at least offsets %d to %d, %d of them, were not, and are lost", next, end-1, end-next)
	}
	return "all that was seen of the one that was copied is here"
}
