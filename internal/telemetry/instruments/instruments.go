package instruments

import (
	"slices"
	"strings"
)

// Kind is what an instrument measures.
type Kind string

// The kinds: what only grows, what stands where it stands, and how values are spread.
const (
	KindCounter   Kind = "counter"
	KindGauge     Kind = "gauge"
	KindHistogram Kind = "histogram"
)

// Instrument is the declaration of one metric.
type Instrument struct {
	Name, Unit, About string
	Kind              Kind
	// Bounds are those of a histogram's buckets.
	Bounds []float64
	// Services are those that have it.
	Services []string
	// Attributes are the names of all that its values may have, but for the site, which
	// services of several sites in one process have besides.
	Attributes []string
}

// Counter, Gauge and Histogram are declarations of that kind.
type (
	Counter   struct{ *Instrument }
	Gauge     struct{ *Instrument }
	Histogram struct{ *Instrument }
)

// Prometheus is the name of the metric at /metrics; of a histogram its buckets have
// _bucket behind that, and so on.
func (i *Instrument) Prometheus() string {
	name := strings.ReplaceAll(i.Name, ".", "_")
	unit := map[string]string{"s": "seconds", "By": "bytes"}[i.Unit]
	if unit != "" && !slices.Contains(strings.Split(name, "_"), unit) {
		name += "_" + unit
	}
	switch {
	case i.Kind == KindCounter:
		name += "_total"
	case i.Kind == KindGauge && i.Unit == "1":
		name += "_ratio"
	}
	return name
}

// Labels are the attributes as Prometheus has them.
func (i *Instrument) Labels() []string {
	out := make([]string, len(i.Attributes))
	for n, a := range i.Attributes {
		out[n] = strings.ReplaceAll(a, ".", "_")
	}
	return out
}

var all []*Instrument

// All are the instruments, by the names that Prometheus has.
func All() []*Instrument {
	out := slices.Clone(all)
	slices.SortFunc(out, func(a, b *Instrument) int { return strings.Compare(a.Prometheus(), b.Prometheus()) })
	return out
}

// of are the services that have an instrument.
type of []string

func declare(kind Kind, services of, name, unit, about string, attributes []string) *Instrument {
	i := &Instrument{Name: name, Unit: unit, About: about, Kind: kind, Services: services, Attributes: attributes}
	all = append(all, i)
	return i
}

func counter(services of, name, unit, about string, attributes ...string) Counter {
	return Counter{declare(KindCounter, services, name, unit, about, attributes)}
}

func gauge(services of, name, unit, about string, attributes ...string) Gauge {
	return Gauge{declare(KindGauge, services, name, unit, about, attributes)}
}

func histogram(i *Instrument, bounds ...float64) Histogram {
	i.Bounds = bounds
	return Histogram{i}
}
