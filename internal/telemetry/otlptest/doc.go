// Package otlptest is a receiver of OTLP over HTTP in the process of a test: it
// decodes what exporters really send, keeps the spans, and can pass them on to a
// Zipkin server, for people to look at.
package otlptest
