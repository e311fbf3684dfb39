package manager_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	global "github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

// sending is a delivery to ams on a channel that loses nothing: each thing is sent once.
type sending struct {
	out  chan proto.Message
	sent uint64
}

func (d *sending) Owned(*global.Core)   {}
func (d *sending) Observe(*global.Core) {}
func (d *sending) Disowned()            {}
func (d *sending) Counted(c *global.Core, batch []events.Logged) {
	for _, l := range batch {
		if _, ok := l.Message.(*events.NetworkSyncOrdered); ok {
			d.sync(c)
		}
	}
	for ; d.sent < c.Last("ams"); d.sent++ {
		d.out <- c.Entry("ams", d.sent+1)
	}
}

func (d *sending) sync(c *global.Core) {
	of, ok := c.Sync("ams")
	if !ok {
		return
	}
	of.Begin.SyncId, d.sent = "s", of.Begin.Base
	segment := &events.NetworkSyncSegment{SyncId: "s"}
	for _, o := range of.Objects {
		segment.Objects = append(segment.Objects, o.Revised())
	}
	d.out <- of.Begin
	d.out <- segment
	d.out <- &events.NetworkSyncEnd{SyncId: "s", Segments: 1, Digest: of.Digest}
}

// What is applied at the global manager is realised at the site, and the global manager knows
// once that is reported.
func TestAnApplyIsRealised(t *testing.T) {
	p := newSite(t)
	p.realise(nil)
	d := &sending{out: make(chan proto.Message, 100)}
	p.global(d, nil)
	p.local(nil)
	s, changes := p.status(), p.changes()
	p.send(topics.NetworkRequests(), &events.NetworkSiteRequested{Site: "ams"},
		&events.NetworkChangeRequested{Objects: []*events.NetworkObject{at(network(), "ams"), segment(web, "10.1.0.0/24")}})
	changes.until("there is a change", func(c *global.Core) bool { return c.Change() == 1 })
	p.send(topics.NetworkRequests(), &events.NetworkChangeRequested{Objects: []*events.NetworkObject{segment(db, "10.2.0.0/24")}, Deletes: []string{web}})
	s.until("the second change is realised", func(c *site.Core) bool {
		for len(d.out) > 0 {
			p.send(topics.NetworkInbox(), <-d.out)
		}
		o, _ := c.StatusOf(db)
		_, left := c.StatusOf(web)
		return o.Standing == site.Realised && !left
	})
	s.realised(shop, db)
	p.send(topics.NetworkRequests(), s.core().Report())
	changes.until("the global manager knows", func(c *global.Core) bool {
		of, ok := c.ChangeStatus(2)
		return ok && of["ams"] == global.Applied
	})
}
