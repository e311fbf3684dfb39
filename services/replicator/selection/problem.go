package selection

import (
	"cmp"
	"fmt"
	"slices"
)

// Code names a kind of problem. It is stable; operators and alerts go by it.
type Code string

// The codes.
const (
	// UnknownSource: the link names a cluster that the configuration does not have.
	UnknownSource Code = "unknown_source"
	// SourceUnreachable: the source does not answer.
	SourceUnreachable Code = "source_unreachable"
	// SourceRejected: the source and the replicator do not take each other as the connection is
	// configured: user, password, certificates, or TLS at all.
	SourceRejected Code = "source_rejected"
	// SourceDenied: the source answers, and its rights are missing, so that the link may not see
	// what it is to choose.
	SourceDenied Code = "source_denied"
	// SameCluster: source and target are one cluster, whatever their names.
	SameCluster Code = "same_cluster"
	// BadPattern: a pattern is not of RE2.
	BadPattern Code = "bad_pattern"
	// UnknownGroup: the link names a group that is not declared.
	UnknownGroup Code = "unknown_group"
	// TwoLinks: another link, or another topic of the link, has the target topic.
	TwoLinks Code = "two_links"
	// InternalTopic: the topic is Kafka's own, or a replicator's.
	InternalTopic Code = "internal_topic"
	// OwnLog: the target topic is a log of the site's own services.
	OwnLog Code = "own_log"
	// BadName: the name of the target topic is longer than Kafka allows.
	BadName Code = "bad_name"
	// LogAppendTime: the target topic replaces timestamps.
	LogAppendTime Code = "log_append_time"
	// MorePartitions: the target topic has more partitions than the source.
	MorePartitions Code = "more_partitions"
	// OnlyCopies: topics of the source have no record that the link copies, but copies.
	OnlyCopies Code = "only_copies"
	// MaxMessageBytes: the target topic takes smaller records than the source.
	MaxMessageBytes Code = "max_message_bytes"
	// BadRecord: a record at the source announces no application, and has the key of one that
	// the link chooses.
	BadRecord Code = "bad_announcement"
	// FenceRefused: rights do not let the target be written behind its broker's fence.
	FenceRefused Code = "fence_refused"
	// NearRetention: the source may soon delete what is yet to be copied.
	NearRetention Code = "near_retention"
	// CopyDiffers: the audit found a copy that is not what its source is.
	CopyDiffers Code = "copy_differs"
)

// SourceAway tells whether it says that nothing can be asked of the source.
func (c Code) SourceAway() bool { return c == SourceUnreachable || c == SourceRejected }

// Problem is something that an operator must know of.
type Problem struct {
	// Link is the one that it is of, and Topic that of the source; empty if it is of the
	// whole link.
	Link, Topic string
	Code        Code
	// Text says what is wrong, with which value, and what to do.
	Text string
	// Stops says that what the problem is of is not copied.
	Stops bool
}

// String is the problem as a log line.
func (p Problem) String() string {
	if p.Topic == "" {
		return fmt.Sprintf("link %s: %s: %s", p.Link, p.Code, p.Text)
	}
	return fmt.Sprintf("link %s, topic %s: %s: %s", p.Link, p.Topic, p.Code, p.Text)
}

func sortProblems(all []Problem) {
	slices.SortFunc(all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Text, b.Text))
	})
}
