package selection

import "github.com/spanway/spanway/pkg/replication/links"

// Input is all that a selection depends on.
type Input struct {
	Site   Site
	Links  []links.Link
	Groups []links.Group
	// Sources are the clusters that are known, by the name that links use.
	Sources map[string]Source
	// Target are the topics of the site.
	Target []Topic
	// Held are the target topics that links are told to copy into, as every replicator of the
	// site reads it.
	Held map[Hold]Holding
	// Counting are the topics that are Copied of which a record was seen that is copied on.
	Counting map[Hold]bool
}

// Hold is a topic of a source that a link copies into a target topic.
type Hold struct{ Link, Topic, Target string }

// Holding says how a link holds a target topic.
type Holding struct {
	Firmness Firmness
	// Claim is where that was told first: behind that offset of the log that all replicators
	// read. Of two holdings the one that was told first counts.
	Claim int64
	// Fresh says that this process has read of it just now: what it knows of links and of the
	// topics of sources may be older.
	Fresh bool
}

// Firmness says how sure it is that a hold is one.
type Firmness uint8

const (
	// Doubtful: its copies have stopped, for something else was in the target before them.
	Doubtful Firmness = iota + 1
	// Firm: of at least one copy that is not told.
	Firm
)

// Site is where copies are written.
type Site struct {
	// Name is what records and groups call it.
	Name string
	// Cluster is the ID of its cluster.
	Cluster string
	// Prefix is that of the topics of its own services.
	Prefix string
}

// Source is a cluster that is copied from.
type Source struct {
	// Cluster is its ID; empty if it was never reached.
	Cluster string
	// Lacking says which right at it is missing; empty if none is known to be.
	Lacking string
	// Trouble says why it cannot be reached now; empty if it can. Its topics are as they
	// were seen last.
	Trouble string
	// Rejected says that it is there, and does not take the connection as it is configured, or
	// is not trusted.
	Rejected bool
	Topics   []Topic
	// Applications are those that have announced themselves there; nil: they are not known.
	Applications []Application
	// Bad are records there that announce nothing.
	Bad []BadAnnouncement
}

// BadAnnouncement is a record of a source that announces no application.
type BadAnnouncement struct {
	Key    string
	Offset int64
	Why    string
}

// Topic is what a cluster tells of a topic.
type Topic struct {
	Name       string
	Partitions int32
	// Internal says that Kafka keeps it for itself.
	Internal bool
	// Copied says that a replicator has made it (func Copied), or that this is not known.
	Copied bool
	// Settings are as the brokers apply them. One that a broker does not tell is missing.
	// Nil: they are not known yet, and nothing is done with the topic.
	Settings map[string]string
}
