package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/store"
)

// Config says what is looked at.
type Config struct {
	Kafka  *kafka.Client
	Prefix string
	// Reach tells whether a broker answers; Kafka.Check if nil.
	Reach func(ctx context.Context) error
	// Role is that of the program as whose principal the client is connected; empty if its
	// rights are not to be judged by one.
	Role events.Role
	// Listen is for how long the first heartbeat of an engine is awaited, to compare clocks; 0:
	// none is.
	Listen time.Duration
	// Redis is that of the allocators; nil if it is not looked at.
	Redis *store.Config
	// Data is the directory of an embedded broker; empty if there is none.
	Data string
}

// Gather reads the facts, no longer than ctx. What cannot be read is told in them.
func Gather(ctx context.Context, c Config) Facts {
	facts := Facts{Prefix: c.Prefix, Role: c.Role}
	reach := c.Kafka.Check
	if c.Reach != nil {
		reach = c.Reach
	}
	if err := reach(ctx); err != nil {
		facts.Unreachable = err
	} else {
		c.gatherCluster(ctx, &facts)
	}
	facts.Principal = c.Kafka.Principal()
	if c.Redis != nil {
		facts.Redis, facts.RedisErr = servers(ctx, *c.Redis)
	}
	if c.Data != "" {
		facts.Disk = &Disk{Path: c.Data}
		if room, err := disk.UsageWithContext(ctx, c.Data); err != nil {
			facts.Disk.Err = err
		} else {
			facts.Disk.Free, facts.Disk.Total = room.Free, room.Total
		}
	}
	return facts
}

func (c Config) gatherCluster(ctx context.Context, facts *Facts) {
	all, err := c.Kafka.Brokers(ctx)
	if err != nil {
		facts.Unreachable = err
		return
	}
	for _, b := range all {
		found := Broker{Broker: b}
		if b.Err == nil {
			found.Settings, found.SettingsErr = c.Kafka.BrokerSettings(ctx, b.ID)
		}
		facts.Brokers = append(facts.Brokers, found)
	}
	there, err := c.Kafka.Present(ctx, c.Prefix)
	if err == nil {
		facts.Topics, err = c.Kafka.States(ctx, events.Specs(c.logs(there)))
	}
	facts.TopicsErr = err
	facts.Queues = queues(c.Prefix, there)
	c.gatherGroups(ctx, facts)
	names := []string{} // Without one all topics would be meant.
	for _, t := range facts.Topics {
		names = append(names, t.Name)
	}
	facts.Rights, facts.RightsErr = c.Kafka.Rights(ctx, append(names, facts.Copies...))
	if facts.RightsErr == nil {
		facts.Access = c.access(ctx, facts.Queues)
	}
	facts.Clocks, facts.ClocksErr = c.listen(ctx, facts)
	if id, ahead, err := c.Kafka.ControllerClock(ctx); err != nil {
		facts.ControllerErr = err
	} else {
		facts.Controller = &Clock{fmt.Sprintf("broker %d", id), ahead}
	}
}

// logs are what a deployment has, and the logs of replication, of networks and of queues that are there.
func (c Config) logs(there []kafka.TopicInfo) []events.Log {
	topics := events.Topics{Prefix: c.Prefix}
	logs := topics.Catalogue()
	for _, name := range queues(c.Prefix, there) {
		logs = append(logs, topics.QueueLogs(name)...)
	}
	for _, t := range there {
		switch t.Name {
		case topics.ReplicationLinks():
			logs = append(logs, topics.ReplicationLogs()...)
		case topics.NetworkChanges(): // The site of the global manager.
			logs = append(logs, topics.NetworkLogs()[:3]...)
		case topics.NetworkStatus():
			logs = append(logs, topics.NetworkLogs()[3:]...)
		}
	}
	return logs
}

// queues are those of which there is the log.
func queues(prefix string, there []kafka.TopicInfo) (names []string) {
	for _, t := range there {
		if name, ok := (events.Topics{Prefix: prefix}).QueueOf(t.Name); ok {
			names = append(names, name)
		}
	}
	return names
}

// gatherGroups looks at the groups of the services whose topics are there.
func (c Config) gatherGroups(ctx context.Context, facts *Facts) {
	topics := events.Topics{Prefix: c.Prefix}
	there := map[string]bool{}
	for _, t := range facts.Topics {
		there[t.Name] = !t.Missing
	}
	type looked struct {
		Group
		lag func(ctx context.Context) (int64, error) // nil: it is not looked at
	}
	all := []looked{
		{Group{Name: topics.SchedulerGroup(), Service: "scheduler", Topic: topics.Events(), Lags: "requests are not decided yet"}, c.undecided(topics.Requests(), topics.Events())},
		{Group{Name: topics.AllocatorGroup(), Service: "allocator", Topic: topics.IDEvents(), Lags: "records are not committed yet"}, func(ctx context.Context) (int64, error) {
			if !there[topics.IDRequests()] {
				return -1, nil
			}
			return c.lag(ctx, topics.AllocatorGroup(), topics.IDRequests())
		}},
		{Group{Name: topics.ReplicatorGroup(), Service: "replicator", Topic: topics.ReplicationLinks(), Lags: "records of sources are not copied yet"}, func(ctx context.Context) (lag int64, err error) {
			facts.Copies, lag, err = c.copies(ctx)
			return lag, err
		}},
		{Group{Name: topics.GlobalManagerGroup(), Service: "manager --role global", Topic: topics.NetworkChanges(), Lags: "requests are not decided yet"}, c.undecided(topics.NetworkRequests(), topics.NetworkChanges())},
		{Group{Name: topics.LocalManagerGroup(), Service: "manager --role local", Topic: topics.NetworkStatus(), Lags: "entries of the inbox are not decided yet"}, c.undecided(topics.NetworkInbox(), topics.NetworkStatus())},
	}
	for _, name := range facts.Queues {
		log := topics.Queue(name)
		all = append(all, looked{Group{Name: topics.KeeperGroup(log), Service: keeper, Topic: log}, nil})
	}
	for _, g := range all {
		if !there[g.Topic] {
			continue
		}
		found := g.Group
		found.Lag = -1
		found.Members, found.Err = c.Kafka.Members(ctx, found.Name)
		if g.lag != nil {
			found.Lag, found.LagErr = g.lag(ctx)
		}
		facts.Groups = append(facts.Groups, found)
	}
}

// lag is how many records of a topic a group has not committed.
func (c Config) lag(ctx context.Context, group, topic string) (lag int64, err error) {
	n, err := c.Kafka.Partitions(ctx, topic)
	if err != nil {
		return 0, err
	}
	committed, err := c.Kafka.Committed(ctx, group, topic, n)
	if err != nil {
		return 0, err
	}
	for p := range n {
		start, end, err := c.Kafka.Offsets(ctx, topic, p)
		if err != nil {
			return 0, err
		}
		lag += end - min(end, max(start, committed[p]))
	}
	return lag, nil
}

func servers(ctx context.Context, c store.Config) ([]store.Server, error) {
	r, err := store.Open(c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // It was only read.
	found, err := r.Servers(ctx)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no server at %v is written to", c.Addrs)
	}
	return found, err
}
