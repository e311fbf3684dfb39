package selection

import "github.com/spanway/spanway/services/replicator/mirror"

// Model says how a link chooses what it copies.
type Model string

// The models.
const (
	ModelTopic  Model = "topic"
	ModelGroup  Model = "group"
	ModelRouted Model = "routed"
)

// Link is what replicators of a site copy from a source.
type Link struct {
	Name, Source            string
	Model                   Model
	Include, Exclude        []string
	Groups                  []string
	Applications            []string
	Prefix                  string
	Shared, Relay, Unfenced bool
	Paused                  bool
	Routing                 *Routing
	On                      mirror.Policies
	BytesPerSecond          int64
	RecordsPerSecond        int64
	Revision                int64
	Resumed                 []Resumption
}

// Routing says how a link reads the destinations of records.
type Routing struct {
	Header                string
	Allowed               []string
	Unrouted, UnknownGoOn bool
}

// Resumption is what an operator has said of a topic, or of one partition of it.
type Resumption struct {
	Topic      string
	Partition  int32
	From       int64
	Generation uint32
	Tolerate   int64
}

// Group is a named set of topics, bound to sites.
type Group struct {
	Name          string
	Topics, Sites []string
	Revision      int64
}

// Application has announced topics.
type Application struct {
	Name          string
	Topics, Sites []string
	Model         Model
	Header        string
}
