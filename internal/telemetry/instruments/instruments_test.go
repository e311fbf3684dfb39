package instruments

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// value has a declared instrument measure once, with all its attributes.
func value(m *Maker, i *Instrument) {
	var attributes []attribute.KeyValue
	for _, name := range i.Attributes {
		attributes = append(attributes, attribute.String(name, "x"))
	}
	ctx, with := context.Background(), metric.WithAttributes(attributes...)
	switch i.Kind {
	case KindCounter:
		m.Counter(Counter{i}).Add(ctx, 1, with)
	case KindHistogram:
		m.Histogram(Histogram{i}).Record(ctx, 1, with)
	case KindGauge:
		g := m.Gauge(Gauge{i})
		m.Observe(func(_ context.Context, o metric.Observer) error {
			o.ObserveInt64(g, 1, with)
			return nil
		}, g)
	}
}

// What the catalogue says is what the exporter makes of it: names, kinds and labels.
func TestPrometheusSeesWhatIsDeclared(t *testing.T) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo(), otelprom.WithoutTargetInfo())
	if err != nil {
		t.Fatal(err)
	}
	m := On(sdk.NewMeterProvider(sdk.WithReader(exporter)).Meter("test"))
	for _, i := range All() {
		value(m, i)
	}
	if err := m.Err(); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[len(f.GetMetric())-1].GetLabel() {
			labels = append(labels, l.GetName())
		}
		seen[f.GetName()] = strings.ToLower(f.GetType().String()) + " " + strings.Join(sorted(labels), " ")
	}
	for _, i := range All() {
		want := string(i.Kind) + " " + strings.Join(sorted(i.Labels()), " ")
		if got := seen[i.Prometheus()]; got != want {
			t.Errorf("%s is %q at /metrics, declared is %q", i.Prometheus(), got, want)
		}
		delete(seen, i.Prometheus())
	}
	for name := range seen {
		t.Errorf("%s is at /metrics, and nothing is declared that is", name)
	}
}

// What was never added to is there all the same.
func TestCountersBeginAtZero(t *testing.T) {
	reader := sdk.NewManualReader()
	On(sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")).Counter(LogLosses)
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil || len(all.ScopeMetrics) != 1 {
		t.Errorf("there is %v: %v", all.ScopeMetrics, err)
	}
}

// Names have no unit and no kind in them, each is declared once, and each says something.
func TestDeclarationsAreByTheConventions(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(\.[a-z]+(_[a-z]+)*)+$`)
	unit := regexp.MustCompile(`^(s|By|1||\{[a-z]+\})$`)
	bad := regexp.MustCompile(`[._](total|count|seconds|milliseconds|ms)$`)
	seen := map[string]bool{}
	for _, i := range All() {
		switch {
		case seen[i.Name]:
			t.Errorf("%s is declared twice", i.Name)
		case !name.MatchString(i.Name), bad.MatchString(i.Name):
			t.Errorf("%s is no name by the conventions", i.Name)
		case !unit.MatchString(i.Unit):
			t.Errorf("%s has the unit %q: take s, By, 1, or what is counted in braces", i.Name, i.Unit)
		case i.Kind != KindGauge && i.Unit == "":
			t.Errorf("%s has no unit: say what it counts", i.Name)
		case !strings.HasSuffix(i.About, "."), len(i.Services) == 0:
			t.Errorf("%s does not say what it is, or of which service", i.Name)
		}
		seen[i.Name] = true
	}
}

// The buckets of a duration tell milliseconds apart: without bounds of its own a histogram has
// 0, 5, 10 and so on, which are meant for milliseconds.
func TestDurationsHaveBoundsInSeconds(t *testing.T) {
	for _, i := range All() {
		switch n, _ := slices.BinarySearch(i.Bounds, 1); {
		case i.Kind != KindHistogram && i.Bounds != nil:
			t.Errorf("%s is a %s, and has bounds", i.Name, i.Kind)
		case i.Kind == KindHistogram && (len(i.Bounds) == 0 || !slices.IsSorted(i.Bounds)):
			t.Errorf("the bounds of %s are %v", i.Name, i.Bounds)
		case i.Kind == KindHistogram && i.Unit == "s" && (n < 5 || i.Bounds[0] < .0001):
			t.Errorf("%d bounds of %s are below a second: %v", n, i.Name, i.Bounds)
		}
	}
}

func TestNoMeterMeasuresNothing(t *testing.T) {
	m := On(nil)
	for _, i := range All() {
		value(m, i)
	}
	if err := m.Err(); err != nil {
		t.Error(err)
	}
}

func sorted(s []string) []string {
	out := slices.Clone(s)
	slices.Sort(out)
	return out
}
