// Package telemetry is how a process of Spanway is watched from outside:
// metrics of OpenTelemetry served to Prometheus, traces exported by OTLP, whether
// it lives and is ready, and logs on stderr with the IDs of the span that they
// belong to. What the conventions for messages say is in package messaging.
//
// It owns the process-wide providers of OpenTelemetry, which Start sets and Stop
// flushes, and no topic. Packages that measure take their instruments from
// otel.Meter(import path) and never import this package. Without a --http
// address nothing listens and measuring costs a few atomic additions.
//
//	/metrics  Prometheus text
//	/livez    200 while the process can answer at all
//	/readyz   200 once everything registered with Ready is ready and while nothing that is
//	          registered with Watch is in trouble, else 503 and what is not, and why
package telemetry
