package doctor

import (
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/store"
)

// Facts are what was read. A field that could not be read has its error beside it.
type Facts struct {
	// Prefix is that of the topics; Principal is what the brokers call this client.
	Prefix, Principal string
	// Role is that of the program whose rights are judged; empty if none was named.
	Role events.Role

	// Unreachable is why no broker answers; then there are no other facts of the cluster.
	Unreachable error
	Brokers     []Broker
	Topics      []kafka.TopicState
	TopicsErr   error
	Rights      kafka.Rights
	RightsErr   error
	// Queues are those that are there; Copies are the topics that replicators write here, as
	// they have reported.
	Queues, Copies []string
	// Access is what the principal may do with groups and transactional IDs.
	Access    []Access
	Groups    []Group
	Clocks    []Clock
	ClocksErr error
	// Controller is the clock of the active controller; ControllerErr is why it is not known.
	Controller    *Clock
	ControllerErr error

	// Redis are the servers that were named, each master of them; none if none was.
	Redis    []store.Server
	RedisErr error
	// Disk is that of the directory of an embedded broker that was named; nil if none was.
	Disk *Disk
}

// Access is what the principal may do with something that is no topic.
type Access struct {
	// Right is one that a role needs there; its Operation does not matter.
	Right events.ACL
	// Operations are those that are allowed, as far as brokers tell; Err is why they do not.
	Operations []string
	Err        error
}

// Broker is one of the cluster.
type Broker struct {
	kafka.Broker
	Settings    map[string]string
	SettingsErr error
}

// Group is a consumer group of Spanway's.
type Group struct {
	Name string
	// Service is what joins it, such as scheduler; Topic is what says that it is in use.
	Service, Topic string
	Members        int
	// Lag is how many records it has not done; -1 if that is not looked at. Lags says which.
	Lag  int64
	Lags string
	Err  error
	// LagErr is why Lag is not known.
	LagErr error
}

// Clock is that of a process which writes records all the time, or of a broker.
type Clock struct {
	// Name is that of the process, such as "engine e1".
	Name string
	// Ahead is how far its clock is ahead of this host's; negative if it is behind. The way
	// of a record makes it look behind by as long as that takes.
	Ahead time.Duration
}

// Disk is that of a directory.
type Disk struct {
	Path        string
	Free, Total uint64 // bytes
	Err         error
}
