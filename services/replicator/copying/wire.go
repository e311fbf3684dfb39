package copying

import (
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

func toWire(id string, c *mirror.Checkpoint) *events.ReplicationCheckpointed {
	m := &events.ReplicationCheckpointed{
		Copy: id, Generation: c.Generation, Claim: c.Claim, Start: c.Start, Next: c.Next, SnapshotEnd: c.SnapshotEnd,
		SourceId: c.SourceID, TargetId: c.TargetID, CaughtUpMs: c.CaughtUp, AtMs: time.Now().UnixMilli(),
	}
	if l := c.Last; l != nil {
		m.Last = &events.ReplicationLast{Target: l.Target, Origin: l.Origin, Generation: l.Generation, Tombstone: l.Tombstone}
	}
	for _, p := range c.Proof {
		m.Proof = append(m.Proof, &events.ReplicationProof{Offset: p.Offset, Hash: p.Hash})
	}
	for i := range c.Declared {
		m.Declared = append(m.Declared, declaredToWire(&c.Declared[i]))
	}
	return m
}

func fromWire(m *events.ReplicationCheckpointed) mirror.Checkpoint {
	c := mirror.Checkpoint{
		Generation: m.Generation, Claim: m.Claim, Start: m.Start, Next: m.Next, SnapshotEnd: m.SnapshotEnd,
		SourceID: m.SourceId, TargetID: m.TargetId, CaughtUp: m.CaughtUpMs,
	}
	if l := m.Last; l != nil {
		c.Last = &mirror.Last{Target: l.Target, Origin: l.Origin, Generation: l.Generation, Tombstone: l.Tombstone}
	}
	for _, p := range m.Proof {
		c.Proof = append(c.Proof, mirror.Proof{Offset: p.Offset, Hash: p.Hash})
	}
	for _, d := range m.Declared {
		c.Declared = append(c.Declared, declaredFromWire(d))
	}
	return c
}

func declaredToWire(d *mirror.Declared) *events.ReplicationDeclared {
	m := &events.ReplicationDeclared{From: d.From, Unknown: d.Unknown, Relay: d.Relay}
	if r := d.Routed; r != nil {
		m.Site = r.Site
		m.Routing = &events.ReplicationRouting{Header: r.Header, Allowed: r.Allowed, Unrouted: r.Unrouted, PassUnknown: r.Unknown == mirror.GoOn}
	}
	return m
}

func declaredFromWire(m *events.ReplicationDeclared) mirror.Declared {
	d := mirror.Declared{From: m.From, Unknown: m.Unknown, Relay: m.Relay}
	if r := m.Routing; r != nil {
		d.Routed = &mirror.Routing{Header: r.Header, Site: m.Site, Allowed: r.Allowed, Unrouted: r.Unrouted}
		if r.PassUnknown {
			d.Routed.Unknown = mirror.GoOn
		}
	}
	return d
}
