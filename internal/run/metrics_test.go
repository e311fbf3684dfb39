package run

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/scheduler"
)

// neverHere are metrics that the dashboard or alerts are of and this system has not: of Redis.
var neverHere = []string{"spanway_allocator_store_unsafe"}

// The dashboard and the alerts are of metrics that a system under load has; and what it has
// is in the catalogue, with these labels.
func TestScrapeOfASystemUnderLoad(t *testing.T) {
	tel, err := telemetry.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Stop(context.Background()) }()
	s := startSites(t, Config{Engines: 1, Telemetry: tel, Logs: scheduler.LogConfig{SnapshotEvents: 5}})
	defer s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	linked(ctx, t, s)
	loaded(ctx, t, s)
	spanned(t, s)

	wanted := named(t, "../../deploy/grafana/spanway.json")
	if len(wanted) < 30 {
		t.Fatalf("the dashboard names %d metrics", len(wanted))
	}
	maps.Copy(wanted, named(t, "../../deploy/prometheus/alerts.yml"))
	for _, name := range neverHere {
		delete(wanted, name)
	}
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for looked := 0; ; looked++ {
		scraped := scrape(t, tel)
		var missing []string
		for name := range wanted {
			if scraped[name] == nil {
				missing = append(missing, name)
			}
		}
		if len(missing) == 0 {
			catalogued(t, scraped)
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("a scrape has no %v", slices.Sorted(slices.Values(missing)))
		}
	}
}

// linked has fra copy a topic of ams, and try to copy from where it knows nothing of.
func linked(ctx context.Context, t *testing.T, s *System) {
	t.Helper()
	ams, fra := s.sites[0].cluster, s.sites[1].cluster
	if err := ams.Kafka().Create(ctx, events.TopicSpec{Name: "orders", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	site, err := replication.Open(ctx, fra, replication.Options{Brief: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = site.Close() }()
	for name, source := range map[string]string{"in": "ams", "astray": "nowhere"} {
		if _, err := site.Apply(ctx, replication.Spec{Name: name, Source: source, Include: []string{"orders"}}, replication.Any); err != nil {
			t.Fatal(err)
		}
	}
	if err := queue.Create(ctx, ams, "q", queue.Rules{}, queue.Options{}); err != nil {
		t.Fatal(err)
	}
}

// loaded has all services of ams do something.
func loaded(ctx context.Context, t *testing.T, s *System) {
	t.Helper()
	ams, quiet := s.sites[0].cluster, slog.New(slog.DiscardHandler)
	c := at(t, s, "ams")
	defer func() { _ = c.Close(ctx) }()
	for range 10 {
		if _, err := c.Do(ctx, client.Task{Kind: "noop"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Submit(ctx, client.Task{Kind: "noop", Predicate: "engine.site == 'nowhere'"}); err != nil {
		t.Fatal(err)
	}
	write(ctx, t, ams, "orders", 10)
	q, err := queue.Open(ctx, ams, "q", queue.Options{Brief: true, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	if _, err := q.Enqueue(ctx, queue.Item{Payload: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	spaces, err := ids.New(ids.Config{Cluster: ams})
	if err != nil {
		t.Fatal(err)
	}
	defer spaces.Close()
	if err := spaces.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 10_000_000}); err != nil {
		t.Fatal(err)
	}
	if _, err := spaces.Grant(ctx, ids.Want{Space: "spi", Count: 5000}); err != nil {
		t.Fatal(err)
	}
	// How long a space lasts is told at once of one that is used up, and of others after minutes.
	if err := spaces.Create(ctx, ids.Rules{Space: "few", From: 1, To: 10}); err != nil {
		t.Fatal(err)
	}
	if _, err := spaces.Grant(ctx, ids.Want{Space: "few", Count: 10}); err != nil {
		t.Fatal(err)
	}
}

// spanned has the managers apply a change, and refuse one.
func spanned(t *testing.T, s *System) {
	t.Helper()
	shop := &events.NetworkObject{Path: "/networks/shop", Span: &events.NetworkSpan{Sites: []string{"fra"}}, Spec: &events.NetworkObject_Network{Network: &events.Network{}}}
	s.send(t, &events.NetworkSiteRequested{Site: "fra"}, &events.NetworkChangeRequested{Objects: []*events.NetworkObject{shop}},
		&events.NetworkChangeRequested{Deletes: []string{"/networks/none"}})
	realisedAt(t, s, "fra", "networks/shop/network.json", true)
}

// family is a metric as it was scraped.
type family struct {
	kind   string
	labels map[string]bool
}

// scrape reads /metrics.
func scrape(t *testing.T, tel *telemetry.Telemetry) map[string]*family {
	t.Helper()
	answer := httptest.NewRecorder()
	tel.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", answer.Code, answer.Body)
	}
	out := map[string]*family{}
	label := regexp.MustCompile(`(\w+)="`)
	var now *family
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(name, " ")
			now = &family{kind, map[string]bool{}}
			out[name] = now
			continue
		}
		if now == nil || strings.HasPrefix(line, "#") {
			continue
		}
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			now.labels[m[1]] = true
		}
	}
	return out
}

// catalogued holds what was scraped against the catalogue.
func catalogued(t *testing.T, scraped map[string]*family) {
	t.Helper()
	declared := map[string]*instruments.Instrument{}
	for _, i := range instruments.All() {
		declared[i.Prometheus()] = i
	}
	for name, f := range scraped {
		i := declared[name]
		switch {
		case !regexp.MustCompile(`^(spanway|messaging|db)_`).MatchString(name):
			continue
		case i == nil:
			t.Errorf("%s is at /metrics, and not in the catalogue", name)
			continue
		case string(i.Kind) != f.kind:
			t.Errorf("%s is a %s, declared is a %s", name, f.kind, i.Kind)
		}
		for label := range f.labels {
			if label != "le" && label != "site" && !slices.Contains(i.Labels(), label) {
				t.Errorf("%s has the label %s, which is not declared", name, label)
			}
		}
	}
}

// named are the metrics that a file names; of a histogram, the histogram.
func named(t *testing.T, path string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, i := range instruments.All() {
		name := regexp.MustCompile(`\b` + i.Prometheus() + `(_bucket|_count|_sum)?\b`)
		if name.Match(text) {
			out[i.Prometheus()] = true
		}
	}
	if strings.HasSuffix(path, ".json") && !json.Valid(text) {
		t.Errorf("%s is no JSON", path)
	}
	return out
}
