// Package networks asks a global manager for changes of logical networks, and waits for what
// it decides. The model is package network.
//
//	c, err := networks.New(networks.Config{Cluster: cluster})
//	...
//	changed, err := c.Apply(ctx, &events.NetworkChangeRequested{Objects: objects})
//	// *networks.Refused has every mistake; changed.Change is the number of the change.
//
// # A command
//
//	the end of network.changes is noted ─▶ a command on network.requests ─▶ what was decided of
//	it, by its ID, on network.changes
//
// Each command has an ID of its own and is decided once. It is done when what was decided
// counts in the log of the global manager; how far the sites are is another question.
//
// # Topics
//
// Out: network.requests. In: network.changes. The client links no core: what the log says of
// objects and sites is what `spanway network` and `spanway site` fold.
//
// # On a crash
//
// Nothing is saved. A command of which no answer was seen (*Unanswered) may be carried out all
// the same: look before it is repeated.
package networks
