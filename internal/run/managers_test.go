package run

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// send appends requests for the global manager.
func (s *System) send(t *testing.T, requests ...proto.Message) {
	t.Helper()
	for _, m := range requests {
		r, err := events.Encoder{Source: "/test"}.Encode(uuid.NewString(), m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Cluster().Partition(events.Topics{Prefix: events.DefaultPrefix}.NetworkRequests(), 0).Append(t.Context(), []events.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
}

// realisedAt waits until an object is realised at a site, or is not any more.
func realisedAt(t *testing.T, s *System, site, path string, there bool) {
	t.Helper()
	x, _ := s.Site(site)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // It only ends what hangs.
	defer cancel()
	err := becomes(ctx, func() (bool, error) {
		_, err := os.Stat(filepath.Join(x.Realised, filepath.FromSlash(path)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		return (err == nil) == there, nil
	})
	if err != nil {
		t.Fatalf("wait at %s for %s, there %v: %v", site, path, there, err)
	}
}

// What is applied at the first site is realised at those that it spans, also behind a restart; a
// site that it spans no more is clean; what was temporary is gone at the end.
func TestNetworksSpanSites(t *testing.T) {
	shop := func(sites ...string) *events.NetworkObject {
		return &events.NetworkObject{Path: "/networks/shop", Span: &events.NetworkSpan{Sites: sites}, Spec: &events.NetworkObject_Network{Network: &events.Network{}}}
	}
	web := &events.NetworkObject{Path: "/networks/shop/segments/web", Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: "10.1.0.0/24"}}}
	cfg := Config{DataDir: t.TempDir(), Sites: []string{"ams", "fra", "sin"}, Engines: 1, Logger: slog.New(slog.DiscardHandler)}
	const network, segment = "networks/shop/network.json", "networks/shop/segments/web.json"
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.send(t, &events.NetworkSiteRequested{Site: "ams"}, &events.NetworkSiteRequested{Site: "fra"}, &events.NetworkSiteRequested{Site: "sin"},
		&events.NetworkChangeRequested{Objects: []*events.NetworkObject{shop("ams", "fra"), web}})
	for _, name := range []string{"ams", "fra"} {
		realisedAt(t, s, name, network, true)
		realisedAt(t, s, name, segment, true)
	}
	realisedAt(t, s, "sin", network, false)
	s.Stop()
	if s, err = Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	s.send(t, &events.NetworkChangeRequested{Objects: []*events.NetworkObject{shop("fra", "sin")}})
	realisedAt(t, s, "sin", segment, true)
	realisedAt(t, s, "ams", segment, false)
	realisedAt(t, s, "ams", network, false)
	realisedAt(t, s, "fra", segment, true)
}

// Without a data directory nothing of what was realised is left.
func TestWhatIsRealisedInMemoryIsGone(t *testing.T) {
	s, err := Start(t.Context(), Config{Sites: []string{"ams"}, Engines: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	x, _ := s.Site("ams")
	s.send(t, &events.NetworkSiteRequested{Site: "ams"}, &events.NetworkChangeRequested{Objects: []*events.NetworkObject{
		{Path: "/networks/shop", Span: &events.NetworkSpan{Sites: []string{"ams"}}, Spec: &events.NetworkObject_Network{Network: &events.Network{}}},
	}})
	realisedAt(t, s, "ams", "networks/shop/network.json", true)
	s.Stop()
	if _, err := os.Stat(filepath.Dir(x.Realised)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there: %v", filepath.Dir(x.Realised), err)
	}
}
