package link

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What becomes of several properties.
const (
	ofGroups      = "a link carries no offsets of consumer groups over; spanway link groups NAME --commit does, and spanway link failover"
	ofCheckpoints = "a link keeps its place in its target, and needs no topic of checkpoints; spanway link translate tells exact offsets"
	ofHeartbeats  = "replicators report once a second, also of a link on which nothing happens; there is no topic of heartbeats"
	ofSyncs       = "there is no topic of offset syncs: each copy names its offset in the source in a header"
	ofRights      = "access rights are not copied; grant them at the target"
	ofSettings    = "settings of topics follow the source, always; which of them is fixed"
	ofFinding     = "topics are found within about a second, always"
	ofConnect     = "there are no topics of Kafka Connect"
	ofREST        = "replicators have no REST server; /metrics and /readyz are at their --http"
	ofForm        = "records are copied byte for byte; nothing converts or changes them"
	ofFilters     = "a class that chooses cannot be carried over: say by include and exclude which topics are copied"
	ofReading     = "how a source is read is not set by a link; its limits are bytes_per_second and records_per_second, that of memory is --memory of the replicator"
	ofAppending   = "copies are appended with acks=all behind a fence, always"
	ofTimes       = "it is a time of Kafka Connect; a replicator tries again by itself"
	ofMetrics     = "metrics are at /metrics of the replicator (--http), with the link as a label"
	ofNames       = "a link has its own name and that of its source"
	ofSecrets     = "secrets are files that the configuration file of the replicator names (password-file, key-file)"
	ofReach       = "how clusters are reached belongs into the configuration file of the replicator, under each cluster's name"
)

// counterparts are what becomes of properties of a flow (or of all), by their name there.
// What has a link's field is read; of all else it is said.
var counterparts = map[string]string{
	"enabled": "", "topics": "", "topics.exclude": "", "topics.blacklist": "", "replication.policy.class": "", "replication.policy.separator": "",
	"groups": ofGroups, "groups.exclude": ofGroups, "groups.blacklist": ofGroups,
	"sync.group.offsets.enabled": ofGroups, "sync.group.offsets.interval.seconds": ofGroups,
	"refresh.groups.enabled": ofGroups, "refresh.groups.interval.seconds": ofGroups,
	"emit.checkpoints.enabled": ofCheckpoints, "emit.checkpoints.interval.seconds": ofCheckpoints,
	"sync.topic.acls.enabled": ofRights, "sync.topic.acls.interval.seconds": ofRights,
	"sync.topic.configs.enabled": ofSettings, "sync.topic.configs.interval.seconds": ofSettings,
	"config.properties.exclude": ofSettings, "config.properties.blacklist": ofSettings, "use.defaults.from": ofSettings, "use.incremental.alter.configs": ofSettings,
	"emit.heartbeats.enabled": ofHeartbeats, "emit.heartbeats.interval.seconds": ofHeartbeats,
	"refresh.topics.enabled": ofFinding, "refresh.topics.interval.seconds": ofFinding,
	"offset.lag.max": ofSyncs, "emit.offset-syncs.enabled": ofSyncs,
	"tasks.max":                   "copies are shared out over the replicators that run; run more of them",
	"exactly.once.source.support": "copies are exactly once, always",
	"replication.factor":          "topics are created with 3 replicas, or one on each broker if there are fewer; to have another number create them at the target before",
	"topic.filter.class":          ofFilters, "group.filter.class": ofFilters, "config.property.filter.class": ofFilters,
	"forwarding.admin.class":                              "a class of your own cannot be carried over; the replicator creates topics by itself",
	"replication.policy.internal.topic.separator.enabled": "there are no internal topics",
	"dedicated.mode.enable.internal.rest":                 ofREST, "listeners": ofREST,
	"add.source.alias.to.metrics": ofMetrics,
	"name":                        ofNames, "connector.class": ofNames, "source.cluster.alias": ofNames, "target.cluster.alias": ofNames, "group.id": ofNames,
	"transforms": ofForm, "predicates": ofForm,
	"admin.timeout.ms": ofTimes, "consumer.poll.timeout.ms": ofTimes, "request.timeout.ms": ofTimes, "default.api.timeout.ms": ofTimes,
	"consumer.auto.offset.reset": "a link begins with the earliest record of each partition, always",
	"consumer.isolation.level":   "what a transaction aborted is never copied",
	"producer.max.request.size":  "what a target takes is the setting max.message.bytes of its topic, which follows the source",
}

// kinds are what becomes of properties whose names begin alike; the first one counts.
var kinds = []struct{ begin, text string }{
	{"offset-syncs.topic.", ofSyncs}, {"heartbeats.topic.", ofHeartbeats}, {"checkpoints.topic.", ofCheckpoints},
	{"offset.storage.", ofConnect}, {"config.storage.", ofConnect}, {"status.storage.", ofConnect},
	{"offset.flush.", ofTimes}, {"rest.", ofREST}, {"admin.listeners", ofREST},
	{"key.converter", ofForm}, {"value.converter", ofForm}, {"header.converter", ofForm}, {"internal.key.converter", ofForm}, {"internal.value.converter", ofForm},
	{"transforms.", ofForm}, {"predicates.", ofForm},
	{"metrics.", ofMetrics}, {"metric.reporters", ofMetrics}, {"config.providers", ofSecrets},
	{"errors.", "what cannot be copied is for the policy on.uncopyable of the link"},
	{"consumer.", ofReading}, {"producer.", ofAppending}, {"admin.", "how topics are created and changed is fixed"},
}

// reaching tells a property by which a cluster is reached.
var reaching = regexp.MustCompile(`^(bootstrap\.servers|security\.protocol|security\.providers|client\.(id|dns\.lookup|rack)|(ssl|sasl)\..+)$`)

// clients stand before the names of properties that are for some of the clients alone; other
// names for them, before these.
var (
	clients = []string{"consumer.", "producer.", "admin."}
	aliases = map[string]string{
		"source.consumer.": "consumer.", "consumer.override.": "consumer.", "target.producer.": "producer.", "source.producer.": "producer.",
		"producer.override.": "producer.", "source.admin.": "admin.", "target.admin.": "admin.", "admin.override.": "admin.",
		"source.cluster.": "", "target.cluster.": "",
	}
)

// plainly gives a property the name by which it is known here.
func plainly(name string) string {
	for alias, plain := range aliases {
		if rest, found := strings.CutPrefix(name, alias); found {
			if _, known := counterparts[name]; !known {
				return plain + rest
			}
		}
	}
	return name
}

// reaches tells a property by which a cluster is reached, also if it is for some clients alone.
func reaches(name string) bool {
	for _, client := range clients {
		name = strings.TrimPrefix(name, client)
	}
	return reaching.MatchString(name)
}

// fate is what becomes of a property; false if nothing is known of it.
func fate(name string) (text string, known bool) {
	name = plainly(name)
	if text, known = counterparts[name]; known {
		return text, true
	}
	if reaches(name) {
		return ofReach, true
	}
	for _, k := range kinds {
		if strings.HasPrefix(name, k.begin) {
			return k.text, true
		}
	}
	return "", false
}

// printable are names that may be told of though they are not known. A line that was meant to
// go on a value, such as a part of a password or of a key, is no such name most often.
var printable = regexp.MustCompile(`^[a-z0-9_-]{1,40}(\.[a-z0-9_-]{1,40})+$`)

// rest says of each property that is left what becomes of it. No value of one is ever told.
func (m *mm2) rest(out *imported, to string) {
	for _, key := range slices.Sorted(maps.Keys(m.all)) {
		if m.used[key] {
			continue
		}
		if m.ofFlow(out, key, to) || m.ofCluster(out, key, to) {
			continue
		}
		out.property(key, key)
	}
	slices.Sort(out.notes)
}

// property says what becomes of one, which is known by a name.
func (i *imported) property(key, name string) {
	text, known := fate(name)
	switch {
	case known && text == "":
	case known:
		i.note("%s: %s", key, text)
	case flowless.MatchString(name):
		i.note("%s: it names no flow; one is SOURCE->TARGET.PROPERTY, as in ams->fra.topics", key)
	case printable.MatchString(name):
		i.note("%s: has no counterpart that is known here; a link does without it", key)
	default:
		i.note("a line is no property, and is not shown, for it may be a part of a secret: is a \\ missing at the end of the line before it?")
	}
}

// flow is a property of a flow.
var flow = regexp.MustCompile(`^([A-Za-z0-9._-]{1,99})->([A-Za-z0-9_-]{1,99})\.(.+)$`)

// flowless is meant to be of a flow, and is not.
var flowless = regexp.MustCompile(`^[A-Za-z0-9._-]{0,99}->[a-z0-9._-]{0,99}$`)

// ofFlow says what becomes of a property of a flow; false if it is none.
func (m *mm2) ofFlow(out *imported, key, to string) bool {
	parts := flow.FindStringSubmatch(key)
	if parts == nil {
		return false
	}
	from, target := parts[1], parts[2]
	for _, cluster := range parts[1:3] {
		if !slices.Contains(m.clusters, cluster) {
			out.note("%s->%s.*: clusters does not name %s, so that MirrorMaker 2 does not run this flow either; no link is made of it", from, target, cluster)
			return true
		}
	}
	switch {
	case !m.enabled(from, target):
		out.note("%s->%s.*: the flow is not enabled, so that no link is made of it", from, target)
	case target != to:
		out.note("%s->%s.*: the flow leads elsewhere; make its link by --to %s, and apply it there", from, target, target)
	default:
		out.property(key, parts[3])
	}
	return true
}

// ofCluster says what becomes of a property of a cluster; false if it is none.
func (m *mm2) ofCluster(out *imported, key, to string) bool {
	for _, cluster := range m.clusters {
		name, found := strings.CutPrefix(key, cluster+".")
		switch {
		case !found:
			continue
		case cluster != to && !m.enabled(cluster, to):
			out.note("%s.*: cluster %s takes no part in flows to %s", cluster, cluster, to)
		case reaches(plainly(name)):
			out.note("%s.*: how cluster %s is reached belongs into the configuration file of the replicator, as a cluster of that name", cluster, cluster)
		default:
			out.property(key, name)
		}
		return true
	}
	return false
}
