package link

import (
	"fmt"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
)

// sourceDeleted is the state of a copy whose topic the source does not have any more, and
// of a link that has no others.
const sourceDeleted = "source_deleted"

// deletedView is a topic that the source does not have any more, and whose copy is kept.
type deletedView struct {
	Topic       string `json:"topic"`
	TargetTopic string `json:"target_topic"`
	Partitions  int    `json:"partitions"`
	// NotCopied are the offsets below the ends of the source that were reported last which were
	// never copied: at least so many records are gone.
	NotCopied int64 `json:"not_copied"`
	// Since is when a replicator has seen it first.
	Since  string `json:"since"`
	Remedy string `json:"remedy"`

	sinceMs int64
}

// deletedOf are the topics of a link that its source has deleted.
func deletedOf(l *replication.Link, status *replication.Status) (views []deletedView) {
	for _, m := range status.Copies {
		if m.Link != l.Name || m.State != sourceDeleted {
			continue
		}
		if n := len(views); n > 0 && views[n-1].TargetTopic == m.TargetTopic { // They are sorted.
			v := &views[n-1]
			v.Partitions++
			if lost := notCopied(m); lost > 0 {
				v.NotCopied += lost
				v.Remedy = keptRemedy(l, m)
			}
			if v.sinceMs > m.SinceMs {
				v.sinceMs, v.Since = m.SinceMs, cli.Stamp(m.SinceMs)
			}
			continue
		}
		views = append(views, deletedView{m.Topic, m.TargetTopic, 1, notCopied(m), cli.Stamp(m.SinceMs), keptRemedy(l, m), m.SinceMs})
	}
	return views
}

// notCopied are the offsets that a source had, when it was asked last, and that were not copied
// when it was deleted.
func notCopied(m *events.ReplicationCopyReported) int64 {
	return max(0, m.SourceEnd-max(m.Next, m.SourceStart))
}

// keptRemedy is what to do about a copy that is kept: nothing has to be done, unless the source
// was deleted before all of it was copied.
func keptRemedy(l *replication.Link, m *events.ReplicationCopyReported) string {
	again := "its copy stops with source_changed (on.recreated: stop)"
	if l.On.Recreated == links.GoOn {
		again = "its records are copied behind what is here (on.recreated: go_on)"
	}
	head := "no error: the copy is kept."
	if notCopied(m) > 0 {
		head = fmt.Sprintf("of partition %d offsets %d to %d were not copied when the source was deleted: those records are gone. The copy is kept.", m.Partition, max(m.Next, m.SourceStart), m.SourceEnd-1)
	}
	return head + fmt.Sprintf(" If the source gets topic %s again, %s. To be told of it no more exclude it from the link, or delete topic %s here", m.Topic, again, m.TargetTopic)
}

// nothingLeft says that there is nothing to look at: all that a link has copied was deleted at
// the source.
type nothingLeft struct{ link string }

func (e *nothingLeft) Error() string {
	return fmt.Sprintf("SOURCE_DELETED: all that link %s has copied was deleted at the source, and the copies are kept: there is nothing to compare them with (spanway link show %s)", e.link, e.link)
}

// ExitCode is that of a refusal.
func (e *nothingLeft) ExitCode() int { return cli.ExitRefused }

func printDeleted(a *cli.App, views []deletedView) {
	for i := range views {
		v := &views[i]
		lost := ""
		if v.NotCopied > 0 {
			lost = fmt.Sprintf("; %s", render.Count(int(v.NotCopied), "offset was not copied", "offsets were not copied"))
		}
		a.Printf("  %-11s %s: the source has had no such topic since %s; %s here%s: %s\n", "deleted", v.Topic, v.Since, render.Count(v.Partitions, "partition is", "partitions are"), lost, v.Remedy)
	}
}
