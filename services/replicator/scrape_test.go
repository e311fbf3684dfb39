package replicator

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// A scrape tells how late the copies of a link are, in records and in seconds: also while it is
// held back, and that nothing is late any more when it has caught up.
func TestAScrapeTellsHowLateALinkIs(t *testing.T) {
	tel, err := telemetry.Start("test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Stop(context.Background()) }()
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.meter = otel.Meter("test")
	const n, age = 7, time.Hour
	written := time.Now().Add(-age)
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 1)
	s, _ := fra.serve("one")
	spec := links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}}
	fra.links.link(spec)
	until(t, s, "in/orders/0", "it has all", func(st *standing) bool { return st.report.Next == 1 && st.behind() == 0 })
	fra.links.link(spec, func(l *links.Link) { l.Paused = true })
	until(t, s, "in/orders/0", "it is paused", func(st *standing) bool { return st.report.Paused })
	records := make([]events.Record, n)
	for i := range records {
		records[i] = events.Record{Timestamp: written.UnixMilli(), Value: []byte("v")}
	}
	if _, err := ams.cluster.Partition("orders", 0).Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	late := func(what string, copied, waiting float64, ok func(age time.Duration) bool) {
		t.Helper()
		eventually(t, "a scrape tells "+what, func() bool {
			told := scraped(t, tel, `link="in"`)
			return told["spanway_replicator_records_copied_total"] == copied && told["spanway_replicator_lag"] == waiting &&
				ok(time.Duration(told["spanway_replicator_lag_age_seconds"]*float64(time.Second)))
		})
	}
	late("what a paused link has to copy", 1, n, func(old time.Duration) bool {
		return old >= age && old <= time.Since(written)+time.Millisecond // Timestamps are cut to these.
	})
	fra.links.link(spec)
	late("that nothing is late", 1+n, 0, func(old time.Duration) bool { return old == 0 })
}

// scraped are the metrics of a scrape that have a label, by name.
func scraped(t *testing.T, tel *telemetry.Telemetry, label string) map[string]float64 {
	t.Helper()
	answer, told := httptest.NewRecorder(), map[string]float64{}
	tel.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), "{")
		labels, value, ok := strings.Cut(rest, "} ")
		if !ok || !strings.Contains(labels, label) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		told[name] = v
	}
	return told
}
