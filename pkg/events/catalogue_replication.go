package events

import "slices"

// The roles of replication.
const (
	// RoleReplicator copies topics of other clusters into its own, which these rights are at.
	RoleReplicator Role = "replicator"
	// RoleReplicatorSource is what a replicator of another site needs at a cluster that it
	// copies from.
	RoleReplicatorSource Role = "replicator-source"
	// RoleDeclarer declares what a site copies: spanway link.
	RoleDeclarer Role = "declarer"
	// RoleAnnouncer announces the topics of an application (package replication).
	RoleAnnouncer Role = "announcer"
)

// CheckpointPartitions is how many partitions the checkpoints have. It is fixed when the
// topic is created: replicators share their work by it.
const CheckpointPartitions int32 = 32

const (
	replicationLinks        = DefaultPrefix + "replication.links"
	replicationApplications = DefaultPrefix + "replication.applications"
	replicationCheckpoints  = DefaultPrefix + "replication.checkpoints"
	replicationStatus       = DefaultPrefix + "replication.status"
)

// ReplicationLinks is the shared log of what a site copies from others; one partition.
func (t Topics) ReplicationLinks() string { return t.name(replicationLinks) }

// ReplicationApplications is where the applications of a cluster say which of its topics
// are to be copied; one partition.
func (t Topics) ReplicationApplications() string { return t.name(replicationApplications) }

// ReplicationCheckpoints holds how far each partition was copied; partitioned by copy.
func (t Topics) ReplicationCheckpoints() string { return t.name(replicationCheckpoints) }

// ReplicationStatus holds how links and copies stand; one partition.
func (t Topics) ReplicationStatus() string { return t.name(replicationStatus) }

// ReplicatorGroup is the consumer group by which the replicators of a site share the
// partitions of the checkpoints, and with them the copies.
func (t Topics) ReplicatorGroup() string { return t.Prefix + "replicators" }

// Fences is what the transactional IDs begin with that replicators claim, one for each
// partition that is copied into.
func (t Topics) Fences() string { return t.Prefix + "mirror/" }

// CopyPartition is the partition of a copy in the checkpoints.
func CopyPartition(copyID string) int32 { return Partition(copyID, CheckpointPartitions) }

// ReplicationLogs are the logs of replication at one site. Replicators create them, and
// they are not in the Catalogue: a site without links has none.
func (t Topics) ReplicationLogs() []Log {
	log := t.ReplicationLinks()
	return []Log{
		{
			Topic: log, Kind: SharedLog, Partitions: 1, Kept: WithHistory,
			Writers: []Role{RoleDeclarer}, Readers: []Role{RoleReplicator, RoleDeclarer},
		},
		{
			Topic: Snapshots(log), Kind: SnapshotLog, Of: log, Partitions: 1, Kept: NewestTwo,
			Writers: []Role{RoleReplicator}, Readers: []Role{RoleReplicator, RoleDeclarer},
		},
		{
			Topic: t.ReplicationApplications(), Kind: TableLog, Partitions: 1, Kept: NewestByKey,
			Writers: []Role{RoleAnnouncer}, Readers: []Role{RoleReplicatorSource}, Makers: []Role{RoleReplicator},
		},
		{
			Topic: t.ReplicationCheckpoints(), Kind: TableLog, Partitions: CheckpointPartitions, Key: "copy", Kept: NewestByKey,
			Writers: []Role{RoleReplicator}, Readers: []Role{RoleReplicator},
		},
		{
			Topic: t.ReplicationStatus(), Kind: TableLog, Partitions: 1, Kept: NewestByKey,
			Writers: []Role{RoleReplicator}, Readers: []Role{RoleReplicator, RoleDeclarer, RoleDoctor},
		},
	}
}

// ReplicationLog is the entry of one of the ReplicationLogs.
func (t Topics) ReplicationLog(topic string) Log {
	all := t.ReplicationLogs()
	return all[slices.IndexFunc(all, func(l Log) bool { return l.Topic == topic })]
}
