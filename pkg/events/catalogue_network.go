package events

import "slices"

// The roles of networks.
const (
	// RoleGlobalManager decides changes, and keeps what is to be sent to sites. These rights are
	// at its own cluster.
	RoleGlobalManager Role = "global-manager"
	// RoleChannel is what a global manager needs at the cluster of each site: it sends it what
	// concerns it, and sees what the site has.
	RoleChannel Role = "channel"
	// RoleLocalManager realises at its site what it is sent.
	RoleLocalManager Role = "local-manager"
	// RoleOperator asks for changes, and sees what became of them: spanway network, spanway site.
	RoleOperator Role = "operator"
)

const (
	networkRequests = DefaultPrefix + "network.requests"
	networkChanges  = DefaultPrefix + "network.changes"
	networkInbox    = DefaultPrefix + "network.inbox"
	networkStatus   = DefaultPrefix + "network.status"
)

// NetworkRequests is where commands for the global manager go; one partition.
func (t Topics) NetworkRequests() string { return t.name(networkRequests) }

// NetworkChanges is the owned log of the global manager; one partition.
func (t Topics) NetworkChanges() string { return t.name(networkChanges) }

// NetworkInbox is where a site's local manager gets its entries; one partition.
func (t Topics) NetworkInbox() string { return t.name(networkInbox) }

// NetworkStatus is the owned log of a site's local manager; one partition.
func (t Topics) NetworkStatus() string { return t.name(networkStatus) }

// GlobalManagerGroup is the consumer group that says which global manager works.
func (t Topics) GlobalManagerGroup() string { return t.Prefix + "global-manager" }

// LocalManagerGroup is the consumer group that says which local manager of a site works.
func (t Topics) LocalManagerGroup() string { return t.Prefix + "local-manager" }

// siteQueues are the queues of all sites.
func siteQueues() Pattern { return Pattern{SiteQueue(""), true} }

// SiteQueue is the name of the queue of what is to be sent to a site.
func SiteQueue(site string) string { return "site." + site }

// NetworkLogs are the logs of networks: those of the global manager at its site, and those
// of each local manager at its own. They are not in the Catalogue: a site without managers
// has none.
func (t Topics) NetworkLogs() []Log {
	changes, status := t.NetworkChanges(), t.NetworkStatus()
	return []Log{
		{
			Topic: t.NetworkRequests(), Kind: InputLog, Partitions: 1, Kept: UntilFolded,
			Writers: []Role{RoleOperator, RoleGlobalManager}, Readers: []Role{RoleGlobalManager},
		},
		{
			Topic: changes, Kind: OwnedLog, Partitions: 1, Kept: WithHistory, Inputs: []string{t.NetworkRequests()},
			Writers: []Role{RoleGlobalManager}, Readers: []Role{RoleGlobalManager, RoleOperator, RoleDoctor},
		},
		{
			Topic: Snapshots(changes), Kind: SnapshotLog, Of: changes, Partitions: 1, Kept: NewestTwo,
			Writers: []Role{RoleGlobalManager}, Readers: []Role{RoleGlobalManager, RoleOperator},
		},
		{
			Topic: t.NetworkInbox(), Kind: InputLog, Partitions: 1, Kept: UntilFolded,
			Writers: []Role{RoleChannel, RoleOperator}, Readers: []Role{RoleLocalManager},
		},
		{
			Topic: status, Kind: OwnedLog, Partitions: 1, Kept: WithHistory,
			Inputs: []string{t.NetworkInbox(), t.Events()}, Outputs: []string{t.Requests()},
			Writers: []Role{RoleLocalManager}, Readers: []Role{RoleLocalManager, RoleChannel, RoleOperator, RoleDoctor},
		},
		{
			Topic: Snapshots(status), Kind: SnapshotLog, Of: status, Partitions: 1, Kept: NewestTwo,
			Writers: []Role{RoleLocalManager}, Readers: []Role{RoleLocalManager, RoleChannel, RoleOperator},
		},
	}
}

// NetworkLog is the entry of one of the NetworkLogs.
func (t Topics) NetworkLog(topic string) Log {
	all := t.NetworkLogs()
	return all[slices.IndexFunc(all, func(l Log) bool { return l.Topic == topic })]
}
