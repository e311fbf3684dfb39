package events

import "slices"

// A program that creates topics verifies their settings, too.
var (
	creators   = []Role{RoleScheduler, RoleAllocator, RoleQueueHost, RoleReplicator, RoleAnnouncer, RoleGlobalManager, RoleLocalManager}
	truncators = []Role{RoleScheduler, RoleAllocator, RoleQueueHost, RoleReplicator, RoleGlobalManager, RoleLocalManager}
)

// UsedBy lists the logs that a role writes or reads to do its work, but for queues; each is
// marked if it is Foreign to the role.
func (t Topics) UsedBy(role Role) (logs []Log) {
	for _, l := range slices.Concat(t.Catalogue(), t.ReplicationLogs(), t.NetworkLogs()) {
		if l.usedBy(role) {
			l.Foreign = slices.Contains(l.ForeignTo, role)
			logs = append(logs, l)
		}
	}
	return logs
}

func (l Log) usedBy(role Role) bool {
	return slices.Contains(slices.Concat(l.Writers, l.Readers, l.Makers), role) || role == RoleReader || role == RoleDoctor
}

// Rights are the operations of Kafka's ACLs that a role needs on the topic to do its
// work, once it is there. Its owner also verifies the topic's settings, and deletes what
// snapshots hold.
func (l Log) Rights(role Role) (operations []string) {
	if !l.usedBy(role) {
		return nil
	}
	if role == RoleReader || slices.Contains(l.Readers, role) {
		operations = append(operations, "Read")
	}
	if slices.Contains(l.Writers, role) {
		operations = append(operations, "Write")
	}
	if len(operations) == 0 {
		operations = append(operations, "Describe")
	}
	if slices.Contains(l.ForeignTo, role) {
		return operations
	}
	if slices.Contains(creators, role) || role == RoleDoctor {
		operations = append(operations, "DescribeConfigs")
	}
	if !slices.Contains(l.Makers, role) && slices.Contains(truncators, role) && l.Kept != KeptForTime && l.Kept != NewestByKey {
		operations = append(operations, "Delete")
	}
	return operations
}

// grants are Rights, and what it takes to create the topic.
func (l Log) grants(role Role) []string {
	operations := l.Rights(role)
	if role == RoleDoctor { // What it may see of all topics alike, it is granted for the prefix.
		return slices.DeleteFunc(operations, func(op string) bool { return op != "Read" })
	}
	if l.usedBy(role) && slices.Contains(creators, role) && !slices.Contains(l.ForeignTo, role) {
		operations = append(operations, "Create")
	}
	return operations
}

// Resource is a kind of what Kafka's ACLs protect, as kafka-acls names its option.
type Resource string

// The resources of an ACL.
const (
	TopicResource           Resource = "topic"
	GroupResource           Resource = "group"
	TransactionalIDResource Resource = "transactional-id"
	ClusterResource         Resource = "cluster"
)

// ACL allows an operation on a resource.
type ACL struct {
	// Operation is that of Kafka's ACLs, such as Read.
	Operation string
	Resource  Resource
	// Name of the resource, empty for the cluster. With Prefixed it is what the names of all
	// resources begin with that are meant.
	Name     string
	Prefixed bool
}

// Pattern names topics or queues: one of them, or with Prefixed all whose names begin so.
type Pattern struct {
	Name     string
	Prefixed bool
}

// Chosen are names that only a deployment knows.
type Chosen struct {
	// Queues are those that a program uses.
	Queues []Pattern
	// Copies are topics that a replicator copies: their names at the cluster that the ACLs
	// are for.
	Copies []Pattern
}

// ACLs lists the rights that a role needs to do its work, and no other.
func (t Topics) ACLs(role Role, of Chosen) []ACL {
	var all []ACL
	add := func(r Resource, p Pattern, operations ...string) {
		for _, op := range operations {
			all = append(all, ACL{op, r, p.Name, p.Prefixed})
		}
	}
	for _, l := range t.UsedBy(role) {
		add(TopicResource, Pattern{Name: l.Topic}, l.grants(role)...)
	}
	queues := of.Queues
	if role == RoleGlobalManager {
		queues = []Pattern{siteQueues()} // It uses no others.
	}
	for _, q := range queues {
		for i, l := range t.QueueLogs(q.Name) {
			if q.Prefixed && i > 0 {
				break // The other logs begin with the name of the first.
			}
			add(TopicResource, Pattern{l.Topic, q.Prefixed}, l.grants(role)...)
		}
		if role == RoleQueueHost || role == RoleGlobalManager {
			add(GroupResource, Pattern{t.KeeperGroup(t.Queue(q.Name)), q.Prefixed}, "Read")
		}
	}
	switch role {
	case RoleScheduler:
		add(GroupResource, Pattern{Name: t.SchedulerGroup()}, "Read")
	case RoleAllocator:
		add(GroupResource, Pattern{Name: t.AllocatorGroup()}, "Read")
		add(GroupResource, Pattern{Name: t.KeeperGroup(t.IDEvents())}, "Read")
	case RoleReplicator:
		for _, p := range of.Copies {
			add(TopicResource, p, "Read", "Write", "Create", "Alter", "AlterConfigs", "Delete")
		}
		add(GroupResource, Pattern{Name: t.ReplicatorGroup()}, "Read")
		add(GroupResource, Pattern{Name: t.KeeperGroup(t.ReplicationLinks())}, "Read")
		add(TransactionalIDResource, Pattern{t.Fences(), true}, "Write")
		add(ClusterResource, Pattern{}, "DescribeConfigs")
	case RoleDoctor: // Queues and their groups are among those, too.
		add(TopicResource, Pattern{t.Prefix, true}, "Describe", "DescribeConfigs")
		add(GroupResource, Pattern{t.Prefix, true}, "Describe")
		add(ClusterResource, Pattern{}, "Describe", "DescribeConfigs")
	case RoleGlobalManager:
		add(GroupResource, Pattern{Name: t.GlobalManagerGroup()}, "Read")
	case RoleLocalManager:
		add(GroupResource, Pattern{Name: t.LocalManagerGroup()}, "Read")
	case RoleReplicatorSource:
		for _, p := range of.Copies {
			add(TopicResource, p, "Read", "DescribeConfigs")
		}
	}
	return all
}
