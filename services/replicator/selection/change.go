package selection

import (
	"maps"
	"slices"
	"strconv"

	"github.com/spanway/spanway/pkg/replication/links"
)

// Names and values of settings.
const (
	cleanupPolicy   = "cleanup.policy"
	compressionType = "compression.type"
	deleteRetention = "delete.retention.ms"
	maxMessageBytes = "max.message.bytes"
	retentionMillis = "retention.ms"
	retentionBytes  = "retention.bytes"
	timestampType   = "message.timestamp.type"
	timestampBefore = "message.timestamp.before.max.ms"
	timestampAfter  = "message.timestamp.after.max.ms"
	logAppendTime   = "LogAppendTime"
	createTime      = "CreateTime"
	anyTime         = "9223372036854775807"
)

// room is how many bytes more than where it was written a batch of one record may take: for the
// headers with its provenance, however many clusters it has been in (mirror.MaxHops).
const room = 2048

// Change is what a topic of the site needs.
type Change struct {
	Topic string
	// Create says that it is missing; Partitions and Settings are all that it is created
	// with.
	Create bool
	// Partitions is how many it must have; 0 if they suffice.
	Partitions int32
	// Settings are those to set; nil if all are as they must be.
	Settings map[string]string
	// Links are the names of the links that need it.
	Links []string

	follows bool // an exclusive one has the settings for as long as it is copied to
}

// Followed lists the settings that an exclusive target topic takes over from its source.
// max.message.bytes is 2 KiB more there, for the headers with the provenance, and is only
// ever raised.
func Followed() []string {
	return []string{
		cleanupPolicy, compressionType, deleteRetention, "max.compaction.lag.ms", maxMessageBytes,
		"min.cleanable.dirty.ratio", "min.compaction.lag.ms", "segment.bytes", "segment.ms",
	}
}

// NotFollowed lists settings that are not taken over, and why.
func NotFollowed() map[string]string {
	const ofCluster = "a matter of one cluster's brokers"
	return map[string]string{
		retentionMillis:                           "-1: records are deleted when the source has deleted them",
		retentionBytes:                            "-1: records are deleted when the source has deleted them",
		timestampType:                             "CreateTime: times are those of the source",
		timestampBefore:                           "the longest: a copy may be old",
		timestampAfter:                            "the longest: a copy's time is the source's",
		"min.insync.replicas":                     ofCluster,
		"unclean.leader.election.enable":          ofCluster,
		"follower.replication.throttled.replicas": ofCluster,
		"leader.replication.throttled.replicas":   ofCluster,
		"remote.storage.enable":                   ofCluster,
		"local.retention.ms":                      ofCluster,
		"local.retention.bytes":                   ofCluster,
		"file.delete.delay.ms":                    ofCluster,
		"flush.messages":                          ofCluster,
		"flush.ms":                                ofCluster,
		"index.interval.bytes":                    ofCluster,
		"segment.index.bytes":                     ofCluster,
		"segment.jitter.ms":                       ofCluster,
		"preallocate":                             ofCluster,
	}
}

// want notes what the target topic of a choice must be.
func (s *selecting) want(c *choice) {
	w := s.wanted[c.target]
	if w == nil {
		w = &Change{Topic: c.target, Settings: settings(&c.topic, itsOwn(c.link)), follows: !itsOwn(c.link)}
		s.wanted[c.target] = w
	}
	w.Partitions = max(w.Partitions, c.topic.Partitions)
	w.Links = append(w.Links, c.link.Name)
	// The remedy is as much as the source takes, not more by the room: in a ring of links each
	// would ask for more than the one before, and that would never end.
	if t, most := s.target[c.target], c.topic.Settings[maxMessageBytes]; t != nil && itsOwn(c.link) && less(t.Settings[maxMessageBytes], least(c)) {
		s.problem(c.link, c.topic.Name, MaxMessageBytes, false,
			"the target topic %s takes batches of %s bytes, and the source has such of %s; set it to as much with kafka-configs --alter --entity-type topics --entity-name %s --add-config %s=%s",
			c.target, t.Settings[maxMessageBytes], most, c.target, maxMessageBytes, most)
	}
}

// itsOwn tells whether the target topics of a link are the site's own: others write there,
// or have done so until a fail-over, and may do so again.
func itsOwn(l *links.Link) bool { return l.Shared || l.FailOvers > 0 }

// settings are those of the target of a topic.
func settings(source *Topic, shared bool) map[string]string {
	all := map[string]string{timestampType: createTime, timestampBefore: anyTime, timestampAfter: anyTime}
	for _, name := range Followed() {
		if value, told := source.Settings[name]; told {
			all[name] = value
		}
	}
	if most := largest(source); most != "" {
		all[maxMessageBytes] = most
	}
	for _, name := range []string{retentionMillis, retentionBytes} {
		if value, told := source.Settings[name]; !shared {
			all[name] = "-1"
		} else if told {
			all[name] = value
		}
	}
	return all
}

// Copied tells, of the settings that were set at a topic itself, whether a replicator has made
// it: nobody else sets both of these. Where it is mistaken nothing is lost: a target is then
// made with the first record.
func Copied(own map[string]string) bool {
	_, compressed := own[compressionType]
	return compressed && own[timestampAfter] == anyTime
}

// largest is what a target must take of a source; empty if it is not known.
func largest(source *Topic) string {
	n, err := strconv.ParseInt(source.Settings[maxMessageBytes], 10, 32)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(min(n+room, 1<<31-1), 10)
}

// least is what a target that is its site's own must take so that nothing is to be mended: as
// much as the source, or less by the room that the source was given where it is a copy itself.
// If it had to have more, of two links both ways, and after each fail-over, one would demand
// more. A record that needs the room, and is refused for that, is told of by itself.
func least(c *choice) string {
	n, err := strconv.ParseInt(c.topic.Settings[maxMessageBytes], 10, 32)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(n-room, 10)
}

// less tells whether a number is known to be below another.
func less(a, b string) bool {
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	return err1 == nil && err2 == nil && x < y
}

// on is what is to be done for a topic that is as given; nil if it is missing.
func (c *Change) on(t *Topic) (change Change, needed bool) {
	change = Change{Topic: c.Topic, Links: slices.Compact(slices.Sorted(slices.Values(c.Links)))}
	if t == nil {
		change.Create, change.Partitions, change.Settings = true, c.Partitions, maps.Clone(c.Settings)
		return change, true
	}
	if c.Partitions > t.Partitions {
		change.Partitions, needed = c.Partitions, true
	}
	if !c.follows {
		return change, needed
	}
	for name, value := range c.Settings {
		is, told := t.Settings[name]
		if !told || is == value || name == maxMessageBytes && !less(is, value) {
			continue
		}
		if change.Settings == nil {
			change.Settings = map[string]string{}
		}
		change.Settings[name], needed = value, true
	}
	return change, needed
}
