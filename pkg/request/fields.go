package request

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// MaxTimeout is the longest that a task may wait or run, and that a setting may be.
const MaxTimeout = 365 * 24 * time.Hour

// MaxAttempts is how often a task may be tried, at most.
const MaxAttempts = 1_000

// Limits and defaults of requests, besides the limits of package events.
const (
	maxFinalErrors  = 32
	maxLimit        = 1_000_000
	maxAfter        = 64
	defaultTimeout  = 10 * time.Minute
	defaultPriority = 5
)

// DefaultRetry is what holds for a task that says nothing of its retries.
func DefaultRetry() *events.RetryPolicy {
	return &events.RetryPolicy{MaxAttempts: 5, InitialBackoffMs: 1_000, MaxBackoffMs: 60_000, Multiplier: 2}
}

// CheckAhead refuses a task whose notBefore is more than a year ahead of now, both in
// milliseconds since the Unix epoch. It is apart from the other checks since it needs
// the time. The error is a *events.Malformed.
func CheckAhead(t *events.Task, nowMs int64) error {
	if t.NotBeforeMs-nowMs > MaxTimeout.Milliseconds() {
		return bad("notBefore is %s; it may be at most 8760h ahead", events.Stamp(t.NotBeforeMs))
	}
	return nil
}

// parseNotBefore reads a time into milliseconds since the Unix epoch; 0 is at once.
func parseNotBefore(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, bad("notBefore is %.40q; give a time as in RFC 3339 such as \"2026-12-01T08:00:00Z\"", text)
	}
	return max(at.UnixMilli(), 0), nil
}

func fillPayload(t *events.Task, m *events.TaskRequested) error {
	if m.PayloadJson != nil { // Over JSON it has become the payload already.
		if len(m.Payload) > 0 {
			return bad("payload and payloadJson are both given; give one")
		}
		b, err := events.MarshalJSON(m.PayloadJson)
		if err != nil {
			return bad("payloadJson: %v", err)
		}
		t.Payload = b
		if t.PayloadType == "" {
			t.PayloadType = events.ContentJSON
		}
	}
	if len(t.Payload) > events.MaxPayloadBytes {
		return events.Refuse(events.CodeTooLarge, "a payload of %d bytes; at most %d are allowed, larger goes by reference",
			len(t.Payload), events.MaxPayloadBytes)
	}
	if t.PayloadType != "" {
		return events.CheckID("payloadType", t.PayloadType)
	}
	return nil
}

// parseTimeout reads a duration into milliseconds; 0 is none.
func parseTimeout(what, text string, absent time.Duration) (int64, error) {
	switch text {
	case "":
		return absent.Milliseconds(), nil
	case "none":
		return 0, nil
	}
	d, err := events.ParseDuration(text)
	if err != nil || d < time.Millisecond || d > MaxTimeout {
		return 0, bad("%s is %.40q; give a duration from 1ms to 8760h such as \"30s\", or \"none\"", what, text)
	}
	return d.Milliseconds(), nil
}

func parseRetry(m *events.RetryRequested) (*events.RetryPolicy, error) {
	if m == nil {
		return nil, nil
	}
	r := DefaultRetry()
	if m.MaxAttempts != nil {
		if r.MaxAttempts = *m.MaxAttempts; r.MaxAttempts < 1 || r.MaxAttempts > MaxAttempts {
			return nil, bad("retry.maxAttempts is %d; it goes from 1 to %d", r.MaxAttempts, MaxAttempts)
		}
	}
	if m.Multiplier != nil {
		if r.Multiplier = *m.Multiplier; !(r.Multiplier >= 1 && r.Multiplier <= 100) {
			return nil, bad("retry.multiplier is %v; it goes from 1 to 100", r.Multiplier)
		}
	}
	var err error
	if m.InitialBackoff != "" {
		if r.InitialBackoffMs, err = parseTimeout("retry.initialBackoff", m.InitialBackoff, 0); err != nil {
			return nil, err
		}
	}
	if m.MaxBackoff != "" {
		if r.MaxBackoffMs, err = parseTimeout("retry.maxBackoff", m.MaxBackoff, 0); err != nil {
			return nil, err
		}
	} else {
		r.MaxBackoffMs = max(r.MaxBackoffMs, r.InitialBackoffMs)
	}
	if r.InitialBackoffMs > r.MaxBackoffMs {
		return nil, bad("retry.initialBackoff is more than retry.maxBackoff")
	}
	if len(m.FinalErrors) > maxFinalErrors {
		return nil, bad("%d retry.finalErrors; at most %d are allowed", len(m.FinalErrors), maxFinalErrors)
	}
	for _, code := range m.FinalErrors {
		if err := events.CheckID("retry.finalErrors", code); err != nil {
			return nil, err
		}
	}
	r.FinalErrors = m.FinalErrors
	if proto.Equal(r, DefaultRetry()) {
		return nil, nil
	}
	return r, nil
}

// fillLimit reads limitKey and limit.
func fillLimit(t *events.Task, m *events.TaskRequested) error {
	if m.LimitKey == "" {
		if m.Limit != nil {
			return bad("limit is %d without a limitKey; name what is limited", *m.Limit)
		}
		return nil
	}
	if err := events.CheckID("limitKey", m.LimitKey); err != nil {
		return err
	}
	t.LimitKey, t.Limit = m.LimitKey, 1
	if m.Limit != nil {
		t.Limit = *m.Limit
	}
	if t.Limit < 1 || t.Limit > maxLimit {
		return bad("limit is %d; it goes from 1 to %d", t.Limit, maxLimit)
	}
	return nil
}

// checkDependencies checks the IDs in after; repeated ones count once.
func checkDependencies(self string, after []string) ([]string, error) {
	var ids []string
	for i, id := range after {
		if events.CheckID("", id) != nil {
			return nil, events.CheckID(fmt.Sprintf("after[%d]", i), id)
		}
		if id == self {
			return nil, events.Refuse(events.CodeDependencyCycle, "task %q is to wait for itself", id)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		if len(ids) > maxAfter {
			return nil, bad("after names more than %d tasks; let one task wait for some, and this one for that", maxAfter)
		}
	}
	return ids, nil
}
