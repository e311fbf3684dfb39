// Package instruments is the catalogue of all metrics: each is declared here, with its
// name, unit, attributes and what it says, and made from its declaration. So what
// docs/metrics.md lists is what there is; internal/laws has a test that nothing else
// makes an instrument.
//
// Names and units are by the conventions of OpenTelemetry: a name has no unit in it,
// times are seconds. Prometheus sees them by its own conventions: Instrument.Prometheus.
//
// It owns no meter. Who measures takes a Maker on the meter that it was given:
//
//	make := instruments.On(meter)
//	claims := make.Counter(instruments.LogClaims)
//	return make.Err()
package instruments
