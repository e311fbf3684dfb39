package placement

import (
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
)

// Limits of requests and registrations, besides those of package events.
const (
	maxDimensions   = 16
	maxAmount       = 1 << 60
	maxKinds        = 256
	maxLabels       = 64
	maxTimeout      = 365 * 24 * time.Hour
	maxAttempts     = 1_000
	maxFinalErrors  = 32
	defaultTimeout  = 10 * time.Minute
	defaultPriority = 5
)

func bad(format string, args ...any) error {
	return events.Refuse(events.CodeBadData, format, args...)
}

// checkID checks what names something: text of 1 to 256 bytes without control
// characters.
func checkID(what, id string) error {
	switch {
	case id == "":
		return bad("%s is missing; give 1 to %d bytes of text", what, events.MaxIDBytes)
	case len(id) > events.MaxIDBytes:
		return bad("%s has %d bytes; at most %d are allowed", what, len(id), events.MaxIDBytes)
	case !utf8.ValidString(id):
		return bad("%s is not valid UTF-8", what)
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return bad("%s %q contains a control character", what, id)
		}
	}
	return nil
}

// validate checks a record for this partition and completes out.
func (p *Preparer) validate(out *Prepared, env events.Envelope) error {
	switch m := out.message.(type) {
	case *events.TaskRequested:
		task := &events.Task{}
		if err := p.task(task, m, out, env); err != nil {
			return err
		}
		out.task, out.key = task, keyOf(out.pool, task.Id)
	case *events.AttemptFinished:
		if len(m.Result) > events.MaxPayloadBytes {
			m.Error = &events.TaskError{Code: string(events.CodeTooLarge), Message: "the result is too large; give a reference to it"}
			m.Result, m.Outcome = nil, events.AttemptFinished_FAILED_FINALLY
		}
		if m.Error != nil { // It is kept with the task.
			m.Error.Code = printable(m.Error.Code, maxReasonBytes)
			m.Error.Message = printable(m.Error.Message, maxMessageBytes)
		}
		return checkID("taskId", m.TaskId)
	case *events.AttemptStarted:
		return checkID("taskId", m.TaskId)
	case *events.AttemptProgressed:
		m.Data = m.Data[:min(len(m.Data), events.MaxProgressBytes)]
		m.DataType = printable(m.DataType, maxReasonBytes)
		return checkID("taskId", m.TaskId)
	case *events.EngineRegistration:
		if err := checkID("engine.id", m.GetEngine().GetId()); err != nil {
			return err
		}
		m.Engine.Pool = string(out.pool)
		if err := p.checkEngine(m.Engine); err != nil {
			out.invalid = malformed(err)
		}
	case *events.TaskCancelRequested:
		if (m.Filter == nil) == (m.TaskId == "") {
			return bad("a cancel needs either taskId or filter")
		}
		m.Reason = printable(m.Reason, maxReasonBytes)
	case *events.TaskRetryRequested:
		return checkID("taskId", m.TaskId)
	case *events.EngineDrainRequested:
		m.Reason = printable(m.Reason, maxReasonBytes)
		return checkID("engineId", m.EngineId)
	case *events.EngineResumeRequested:
		return checkID("engineId", m.EngineId)
	case *events.PoolConfigureRequested:
		return checkSettings(m.Settings)
	}
	return nil
}

// task makes t, which is empty, of a request: it fills in what that leaves out, and
// checks what it says.
func (p *Preparer) task(t *events.Task, m *events.TaskRequested, out *Prepared, env events.Envelope) error {
	if err := checkID("taskId", out.taskID); err != nil {
		return err
	}
	if err := checkID("kind", m.Kind); err != nil {
		return err
	}
	if m.ReplayOf != "" {
		if err := checkID("replayOf", m.ReplayOf); err != nil {
			return err
		}
		if m.TaskId != "" {
			return bad("taskId and replayOf are both given; a replay gets its ID, %.100q and a number, from the scheduler", m.ReplayOf+".r")
		}
	}
	t.Id, t.Pool, t.Kind, t.Payload, t.PayloadType = out.taskID, string(out.pool), m.Kind, m.Payload, m.PayloadType
	t.Predicate, t.Prefer, t.Priority, t.Tenant, t.ReplayOf = m.Predicate, m.Prefer, defaultPriority, m.Tenant, m.ReplayOf
	if len(env.Traceparent) <= 64 && len(env.Tracestate) <= 512 &&
		utf8.ValidString(env.Traceparent) && utf8.ValidString(env.Tracestate) {
		t.Traceparent, t.Tracestate = env.Traceparent, env.Tracestate
	}
	if err := fillPayload(t, m); err != nil {
		return err
	}
	if m.Priority != nil {
		if t.Priority = *m.Priority; t.Priority < 0 || t.Priority > 9 {
			return bad("priority is %d; it goes from 0 to 9, 9 being the most urgent", t.Priority)
		}
	}
	if m.Tenant != "" {
		if err := checkID("tenant", m.Tenant); err != nil {
			return err
		}
	}
	var err error
	if t.Needs, err = parseNeeds(m.Needs); err != nil {
		return err
	}
	if t.ScheduleTimeoutMs, err = parseTimeout("scheduleTimeout", m.ScheduleTimeout, 0); err != nil {
		return err
	}
	if t.ExecutionTimeoutMs, err = parseTimeout("executionTimeout", m.ExecutionTimeout, defaultTimeout); err != nil {
		return err
	}
	if t.Retry, err = parseRetry(m.Retry); err != nil {
		return err
	}
	if t.NotBeforeMs, err = parseNotBefore(m.NotBefore); err != nil {
		return err
	}
	if err = fillLimit(t, m); err != nil {
		return err
	}
	if t.After, err = checkDependencies(t.Id, m.After); err != nil {
		return err
	}
	if out.prefer, err = p.predicates.Prefer(t.Prefer); err != nil {
		return err
	}
	out.predicate, err = p.predicates.Compile(t.Predicate)
	return err
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
		return checkID("payloadType", t.PayloadType)
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
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Millisecond || d > maxTimeout {
		return 0, bad("%s is %.40q; give a duration from 1ms to 8760h such as \"30s\", or \"none\"", what, text)
	}
	return d.Milliseconds(), nil
}

func parseRetry(m *events.RetryRequested) (*events.RetryPolicy, error) {
	if m == nil {
		return nil, nil
	}
	r := defaultRetry.explicit()
	if m.MaxAttempts != nil {
		if r.MaxAttempts = *m.MaxAttempts; r.MaxAttempts < 1 || r.MaxAttempts > maxAttempts {
			return nil, bad("retry.maxAttempts is %d; it goes from 1 to %d", r.MaxAttempts, maxAttempts)
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
		if err := checkID("retry.finalErrors", code); err != nil {
			return nil, err
		}
	}
	r.FinalErrors = m.FinalErrors
	if retryOf(r) == defaultRetry {
		return nil, nil
	}
	return r, nil
}

func (p *Preparer) checkEngine(e *events.Engine) error {
	if err := checkID("engine.incarnation", e.Incarnation); err != nil {
		return err
	}
	if e.Site != "" {
		if err := checkID("engine.site", e.Site); err != nil {
			return err
		}
	}
	if e.Node != "" {
		if err := checkID("engine.node", e.Node); err != nil {
			return err
		}
	}
	if want := events.EnginePartition(events.EngineID(e.Id)); e.AssignmentsPartition != want {
		return bad("engine.assignmentsPartition is %d; for %q it is %d", e.AssignmentsPartition, e.Id, want)
	}
	if len(e.Kinds) > maxKinds {
		return bad("%d kinds; at most %d are allowed", len(e.Kinds), maxKinds)
	}
	for _, k := range e.Kinds {
		if err := checkID("engine.kinds", k); err != nil {
			return err
		}
	}
	if err := checkAmounts(e.Allocatable); err != nil {
		return err
	}
	if _, err := p.predicates.Accepts(e.Accepts); err != nil {
		refused := malformed(err)
		return events.Refuse(refused.Code, "engine.accepts: %s", refused.Message)
	}
	return checkLabels(e.Labels)
}

func checkLabels(labels map[string]*structpb.Value) error {
	if len(labels) > maxLabels {
		return bad("%d labels; at most %d are allowed", len(labels), maxLabels)
	}
	for name, v := range labels {
		if err := checkID("a label's name", name); err != nil {
			return err
		}
		if _, err := predicate.FromLabel(v); err != nil {
			return bad("label %q: %v", name, err)
		}
		if len(v.GetStringValue()) > events.MaxIDBytes || len(v.GetListValue().GetValues()) > maxLabels {
			return bad("label %q is too large", name)
		}
	}
	return nil
}
