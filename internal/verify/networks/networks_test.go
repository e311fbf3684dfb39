package networks

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

const (
	shop = "/networks/shop"
	web  = "/networks/shop/segments/web"
)

func netAt(sites ...string) *events.NetworkObject {
	return &events.NetworkObject{Path: shop, Span: &events.NetworkSpan{Sites: sites}, Spec: &events.NetworkObject_Network{Network: &events.Network{}}}
}

func segment(vlan uint32) *events.NetworkObject {
	return &events.NetworkObject{Path: web, Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: "10.1.0.0/24", Vlan: vlan}}}
}

func revised(o *events.NetworkObject, revision uint64) *events.NetworkRevised {
	return &events.NetworkRevised{Object: o, Revision: revision}
}

func changed(n, term uint64, objects ...*events.NetworkObject) *events.NetworkChanged {
	return &events.NetworkChanged{Change: n, Term: term, Objects: objects}
}

func applied(term, n uint64, puts ...*events.NetworkRevised) *events.NetworkEntryApplied {
	return &events.NetworkEntryApplied{Entry: &events.NetworkEntry{Site: "ams", Term: term, Sequence: n, Previous: n - 1, Puts: puts}}
}

func skipped(term, n uint64) *events.NetworkEntryApplied {
	m := applied(term, n)
	m.Entry.Skipped = "SUPERSEDED"
	return m
}

// synced is a full sync, as it stands in the log of a site.
func synced(term, base uint64, objects ...*events.NetworkRevised) []proto.Message {
	id := "sync"
	return []proto.Message{
		&events.NetworkSyncBegan{Begin: &events.NetworkSyncBegin{Site: "ams", Term: term, Base: base, SyncId: id}},
		&events.NetworkSyncCollected{Segment: &events.NetworkSyncSegment{SyncId: id, Objects: objects}},
		&events.NetworkSyncApplied{SyncId: id, Term: term, Base: base},
	}
}

func realising(task string, o *events.NetworkObject) *events.NetworkRealising {
	return &events.NetworkRealising{Path: web, TaskId: task, Object: o}
}

// The site ams gets shop in change 1, web in change 2, and web again in change 3.
func changes(more ...proto.Message) []proto.Message {
	return append([]proto.Message{
		&events.NetworkSiteAdded{Site: "ams"}, &events.NetworkSiteAdded{Site: "fra"},
		changed(1, 1, netAt("ams")), changed(2, 1, segment(1)), changed(3, 1, segment(2)),
	}, more...)
}

// at is the log of ams: an empty full sync, and what follows.
func at(more ...proto.Message) []proto.Message { return append(synced(1, 0), more...) }

func TestLogsOfNetworks(t *testing.T) {
	one, two, three := revised(netAt("ams"), 1), revised(segment(1), 2), revised(segment(2), 3)
	for name, c := range map[string]struct {
		changes, site []proto.Message
		until         int64
		want          []string // findings, in order
	}{
		"all is applied":                 {changes(), at(applied(1, 1, one), applied(1, 2, two), applied(1, 3, three)), Whole, nil},
		"one was superseded":             {changes(), at(applied(1, 1, one), skipped(1, 2), applied(1, 3, three)), Whole, nil},
		"the site is behind":             {changes(), at(applied(1, 1, one)), Whole, nil},
		"what came later is not known":   {changes(), at(applied(1, 1, one), applied(1, 2, two), applied(1, 3, three), applied(1, 4, revised(segment(4), 4))), 6, nil},
		"a full sync in the middle":      {changes(), append(at(applied(1, 1, one)), synced(1, 3, one, three)...), Whole, nil},
		"retired, added and retired":     {changes(&events.NetworkSiteRetired{Site: "ams"}, &events.NetworkSiteAdded{Site: "ams"}, &events.NetworkSiteRetired{Site: "ams"}), append(at(applied(1, 1, one)), synced(1, 4, one, three)...), Whole, nil},
		"a log that was lost":            {changes(&events.NetworkPromoted{Term: 2}), append(at(applied(1, 1, one), applied(1, 2, two), applied(1, 3, three), applied(1, 4, revised(segment(9), 4))), synced(2, 3, one, three)...), Whole, nil},
		"changes are gone":               {changes(), at(applied(1, 1, one), applied(1, 2, two), applied(1, 3, three), applied(1, 4, revised(segment(9), 4))), Whole, []string{"LOSS the site applied entry 4 of term 1, and its newest one in network.changes is 3"}},
		"an entry is left out":           {changes(), at(applied(1, 1, one), applied(1, 3, three)), Whole, []string{"G11 the site applied entry 3 of term 1, which follows entry 2, and had entry 1"}},
		"an entry comes twice":           {changes(), at(applied(1, 1, one), applied(1, 1, one)), Whole, []string{"G11 the site applied entry 1"}},
		"an older term":                  {changes(&events.NetworkPromoted{Term: 2}), append(append(at(), synced(2, 3, one, three)...), applied(1, 1, one)), Whole, []string{"G11 the site applied entry 1 of term 1"}},
		"an entry brings something else": {changes(), at(applied(1, 1, one), applied(1, 2, revised(segment(7), 2))), Whole, []string{"G11 behind entry 2 of term 1, it has revision 2 of " + web + ", and must have revision 2"}},
		"an entry brings too little":     {changes(), at(applied(1, 1, one), applied(1, 2)), Whole, []string{"G11 behind entry 2 of term 1, it has nothing of " + web}},
		"what is passed over stays away": {changes(), at(applied(1, 1, one), applied(1, 2, two), skipped(1, 3)), Whole, []string{"G11 the site has applied its last entry, 3 of term 1, and it has revision 2 of " + web}},
		"the full sync lacks something":  {changes(), append(at(applied(1, 1, one)), synced(1, 3, one)...), Whole, []string{"G11 behind entry 3 of term 1, it has nothing of " + web}},
		"a full sync leads back":         {changes(), append(at(applied(1, 1, one), applied(1, 2, two)), synced(1, 1, one)...), Whole, []string{"G11 the full sync \"sync\" leads from entry 2"}},
		"a full sync that never began":   {changes(), at(&events.NetworkSyncApplied{SyncId: "other", Term: 1}), Whole, []string{"G11 the full sync \"other\" was applied, and has not begun"}},
		"for another site":               {changes(), []proto.Message{&events.NetworkSyncBegan{Begin: &events.NetworkSyncBegin{Site: "fra", Term: 1}}}, Whole, []string{"G11 site ams applied what was for site \"fra\""}},
		"said to be further":             {changes(&events.NetworkSiteObserved{Site: "ams", Sequence: 3}), at(applied(1, 1, one)), Whole, []string{"G11 network.changes says that the site has applied entry 3, and by its own log it has come to entry 1"}},
		"a change is left out":           {changes(changed(5, 1)), nil, Whole, []string{"G11 change 5 comes after change 3"}},
		"a change of a term before":      {changes(&events.NetworkPromoted{Term: 2}, changed(4, 1)), nil, Whole, []string{"G11 change 4 is of term 1, and term 2 has begun"}},
		"a term begins twice":            {changes(&events.NetworkPromoted{Term: 1}), nil, Whole, []string{"G11 term 1 begins"}},
		"a request is decided twice":     {changes(&events.NetworkRefused{RequestId: "r"}, &events.NetworkRefused{RequestId: "r"}), nil, Whole, []string{"G11 the request \"r\" is decided a second time"}},
		"a reference to nothing":         {changes(&events.NetworkChanged{Change: 4, Term: 1, Deletes: []string{shop}}), nil, Whole, []string{"G11 change 4 leaves a reference to nothing: " + web}},
		"two tasks of one object":        {changes(), at(applied(1, 1, one), applied(1, 2, two), realising("t1", segment(1)), realising("t2", segment(1))), Whole, []string{"G11 task \"t2\" of " + web + " is submitted while task \"t1\""}},
		"a task of what nobody wants":    {changes(), at(applied(1, 1, one), applied(1, 2, two), realising("t1", segment(8))), Whole, []string{"G11 task \"t1\" realises " + web + " as neither"}},
		"a task that was not in flight":  {changes(), at(&events.NetworkRealised{Path: web, TaskId: "t9"}), Whole, []string{"G11 task \"t9\" of \"" + web + "\" has ended"}},
		"own objects by no request":      {changes(), at(&events.NetworkLocalChanged{Deletes: []string{web}}), Whole, []string{"G11 0 objects of the site's own were changed, and 1 deleted"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := judged(c.changes, c.site, c.until)
			ok := len(got) == len(c.want)
			for i := 0; ok && i < len(got); i++ {
				ok = strings.HasPrefix(got[i], c.want[i])
			}
			if !ok {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// judged are the findings in the logs.
func judged(changes, site []proto.Message, until int64) (all []string) {
	c := NewChanges("changes", chain.Options{})
	for i, m := range changes {
		c.Follow(chain.At{Offset: int64(i)}, m)
	}
	report, _ := c.Report()
	found := report.Findings
	s := NewStatus("status", "ams", c.History, until, chain.Options{})
	for i, m := range site {
		s.Follow(chain.At{Offset: int64(i)}, m)
	}
	report, _ = s.Report()
	for _, f := range append(found, report.Findings...) {
		all = append(all, f.Rule+" "+f.Text)
	}
	return all
}

// What a change moves is what all that is there says.
func TestPlacesAreFoundAnew(t *testing.T) {
	c := NewChanges("changes", chain.Options{})
	for _, m := range changes() {
		c.Follow(chain.At{}, m)
	}
	c.world.state.SetSite(network.Site{Name: "sin"})
	o, _ := c.world.state.Object(shop)
	o.Message.Span.Sites = []string{"sin"} // Nothing may be changed so.
	if report, _ := c.Report(); report.Violations != 2 || !strings.Contains(report.Findings[0].Text, "it must be at [sin]") {
		t.Errorf("found %+v", report.Findings)
	}
}
