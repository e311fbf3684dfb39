package manager

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/network"
	"github.com/spanway/spanway/services/manager/site"
)

// measured is what a reader finds: values by name and attributes, which are not 0 and not of zero
// attributes; seconds in tens.
func measured(t *testing.T, reader *sdk.ManualReader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			name := strings.TrimPrefix(m.Name, "spanway.manager.")
			switch data := m.Data.(type) {
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					out[name+with(p.Attributes.Encoded(attribute.DefaultEncoder()))] = p.Value
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					out[name+with(p.Attributes.Encoded(attribute.DefaultEncoder()))] = int64(math.Round(p.Value / 10))
				}
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					out[name+with(p.Attributes.Encoded(attribute.DefaultEncoder()))] = p.Value
				}
			}
		}
	}
	maps.DeleteFunc(out, func(_ string, v int64) bool { return v == 0 })
	return out
}

func with(attributes string) string {
	if attributes == "" {
		return ""
	}
	return "{" + attributes + "}"
}

func compare(t *testing.T, got map[string]int64, want string) {
	t.Helper()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(got)) {
		lines = append(lines, fmt.Sprint(name, " ", got[name]))
	}
	if text := strings.Join(lines, "\n"); text != strings.TrimSpace(want) {
		t.Errorf("measured is:\n%s\nwant:\n%s", text, want)
	}
}

// folded folds messages into a core, and gives them as a batch that counts.
func folded(c interface{ Apply(l events.Logged) }, messages ...proto.Message) (batch []events.Logged) {
	for _, m := range messages {
		l := events.Logged{Message: m}
		c.Apply(l)
		batch = append(batch, l)
	}
	return batch
}

// What waits for each site is told while this process owns the log, and what was decided is
// counted, by reasons of which there are so many.
func TestMetricsOfAGlobalManager(t *testing.T) {
	reader := sdk.NewManualReader()
	m, err := newGlobalMetrics(sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test"))
	if err != nil {
		t.Fatal(err)
	}
	c := network.New()
	at := time.Now().Add(-300 * time.Second).UnixMilli()
	object := func(path string) *events.NetworkObject {
		return &events.NetworkObject{Path: path, Span: &events.NetworkSpan{Sites: []string{"ams", "fra"}}, Spec: &events.NetworkObject_Network{Network: &events.Network{}}}
	}
	m.counted(folded(c,
		&events.NetworkSiteAdded{Site: "ams", AtMs: at}, &events.NetworkSiteAdded{Site: "fra", AtMs: at},
		&events.NetworkChanged{Change: 1, Term: 1, Objects: []*events.NetworkObject{object("/networks/a")}, DeadlineAtMs: at, AtMs: at},
		&events.NetworkChanged{Change: 2, Term: 1, Objects: []*events.NetworkObject{object("/networks/b")}, DeadlineAtMs: at, AtMs: at + 100_000},
		&events.NetworkOverdue{Site: "fra", Sequence: 1}, &events.NetworkSiteObserved{Site: "ams", Sequence: 1},
		&events.NetworkRefused{Code: "BAD_PATH"},
		&events.NetworkSyncOrdered{Site: "fra", Sync: 1, Reason: network.Requested, AtMs: at + 200_000},
		&events.NetworkSyncOrdered{Site: "ams", Sync: 1, Reason: "whatever a report says", AtMs: at},
		&events.NetworkSyncEnded{Site: "ams", Sync: 1},
	))
	m.observed(c)
	counters := `
global.changes 2
global.refused{code=BAD_PATH} 1`
	syncs := `
global.syncs{reason=OTHER} 1
global.syncs{reason=REQUESTED} 1`
	compare(t, measured(t, reader), counters[:len("\nglobal.changes 2")]+`
global.objects 2
global.overdue{to_site=fra} 1`+counters[len("\nglobal.changes 2"):]+`
global.sync.age{to_site=fra} 10`+syncs+`
global.term 1
global.waiting.oldest{to_site=ams} 20
global.waiting.oldest{to_site=fra} 30
global.waiting{to_site=ams} 1
global.waiting{to_site=fra} 2`)
	m.disowned()
	compare(t, measured(t, reader), counters+syncs)
}

// How far the objects of a site are is told while this process owns the log, and what became of
// entries and tasks is counted.
func TestMetricsOfALocalManager(t *testing.T) {
	reader := sdk.NewManualReader()
	m, err := newLocalMetrics(sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test"))
	if err != nil {
		t.Fatal(err)
	}
	c := site.New(site.Config{Site: "ams"})
	entry := func(n uint64, path string) *events.NetworkEntryApplied {
		o := &events.NetworkObject{Path: path, Spec: &events.NetworkObject_Network{Network: &events.Network{}}}
		return &events.NetworkEntryApplied{Entry: &events.NetworkEntry{
			Site: "ams", Term: 1, Sequence: n, Previous: n - 1, Puts: []*events.NetworkRevised{{Object: o, Revision: n}},
		}}
	}
	a, b := entry(1, "/networks/a"), entry(2, "/networks/b")
	m.counted(folded(c,
		&events.NetworkSyncBegan{Begin: &events.NetworkSyncBegin{Site: "ams", Term: 1, Sync: 1, SyncId: "s"}}, &events.NetworkSyncApplied{SyncId: "s", Term: 1},
		a, b, entry(3, "/networks/c"), &events.NetworkEntryDeclined{Code: site.Repeated},
		&events.NetworkRealising{Path: "/networks/a", TaskId: "1", Object: a.Entry.Puts[0].Object}, &events.NetworkRealised{Path: "/networks/a", TaskId: "1"},
		&events.NetworkRealising{Path: "/networks/b", TaskId: "2", Object: b.Entry.Puts[0].Object}, &events.NetworkRealisationFailed{Path: "/networks/b", TaskId: "2", Reason: "EXPIRED", AgainAtMs: math.MaxInt64},
		&events.NetworkDrifted{Path: "/networks/a", Mended: true},
		&events.NetworkSyncBegan{Begin: &events.NetworkSyncBegin{Site: "ams", Term: 1, Sync: 2, SyncId: "t"}}, &events.NetworkSyncCollected{Segment: &events.NetworkSyncSegment{SyncId: "t"}},
	))
	m.observed(c)
	compare(t, measured(t, reader), `
local.applied 3
local.behind 3
local.declined{code=REPEATED} 1
local.drifts{action=mended} 1
local.objects{state=failed} 1
local.objects{state=waiting} 2
local.realisations{outcome=failed} 1
local.realisations{outcome=realised} 1
local.sequence 3
local.sync.segments 1
local.syncs 1`)
	m.disowned()
	if got := measured(t, reader); got["local.sequence"] != 0 || got["local.applied"] != 3 {
		t.Errorf("disowned, measured is %v", got)
	}
}

// What is looked at is looked at again a hundred times later than it took, and in a second at the earliest.
func TestAnOwnerLooksAtItsStateAtTimes(t *testing.T) {
	looks := 0
	p := paced{}
	for range 3 {
		p.now(func() { looks++ })
	}
	p.next = time.Now()
	p.now(func() { looks++ })
	if looks != 2 || p.next.Before(time.Now().Add(lookEvery/2)) {
		t.Errorf("it looked %d times, and will again at %v", looks, p.next)
	}
}
