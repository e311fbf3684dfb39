// Package messaging is what OpenTelemetry's semantic conventions for messaging
// say, version 1.43.0 (their state: development): names, kinds and attributes of
// spans, links, and metrics. All that is specific to that version is here, so that
// a newer one is a change of this package.
//
// It owns nothing. It writes the names of that version only: there is no second
// set behind OTEL_SEMCONV_STABILITY_OPT_IN, because nobody has dashboards on an
// older one of ours.
//
//	span     "{operation} {topic}": send (PRODUCER), process (CONSUMER), poll (CLIENT)
//	parent   of a single message: the span that it was sent in, which it also links to
//	batch    no parent; links to the messages, MaxLinks at most
//	error    status Error and error.type, a code of wire.md or the error's Go type
//	metrics  messaging.client.operation.duration, .sent.messages,
//	         .consumed.messages; messaging.process.duration
//
// Trace contexts travel as W3C traceparent and tracestate, whatever propagator the
// program has: wire.md says so.
package messaging
