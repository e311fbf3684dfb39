package placement

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
	"github.com/spanway/spanway/pkg/request"
)

// Preparer does what needs no state: it decodes and validates records, and
// compiles their predicates, before the owner's loop sees them. It is safe for
// concurrent use.
type Preparer struct {
	topics     events.Topics
	predicates *predicate.Cache
	checks     *request.Checker
}

// NewPreparer makes a Preparer for the State of the same Config; give both the
// same Predicates, so that each predicate is compiled once.
func NewPreparer(cfg Config) *Preparer {
	cfg.defaults()
	return &Preparer{topics: cfg.Topics, predicates: cfg.Predicates, checks: request.New(cfg.Predicates)}
}

// Prepared is what Decide gets to see of a record. Only a Preparer makes one.
type Prepared struct {
	typ     events.Type
	message proto.Message
	pool    events.Pool
	taskID  string
	// task, key, predicate and prefer are those of a valid TaskRequested.
	task      *events.Task
	key       endedKey
	predicate *predicate.Predicate
	prefer    *predicate.Preference
	// refused is set if the record cannot be acted upon; poison is the record
	// itself if nobody can be told by a task's ID.
	refused *events.Malformed
	poison  *events.RawRecord
	// beat is set if that record is an engine's heartbeat.
	beat *badBeat
	// forwardTo is the right partition, or -1 if this is the one.
	forwardTo int32
	raw       *events.RawRecord
	// invalid is why an engine's registration is answered by a refusal.
	invalid *events.Malformed
	// trace is what the record says of the trace that it belongs to, if it does.
	trace *Trace
}

// Prepare makes of a record what Decide needs as Input.Prepared. It never fails:
// what is wrong with the record is part of the result.
func (p *Preparer) Prepare(topic string, partition int32, rec *events.Record) *Prepared {
	out := &Prepared{forwardTo: -1}
	env, m, err := events.Decode(rec)
	out.typ = events.Type(strings.ToValidUTF8(string(env.Type), "\uFFFD"))
	out.trace = traceOf(env)
	if err != nil {
		if e := engineOf(env, rec); e != nil {
			return out.unregistered(e, malformed(err))
		}
		return out.unreadable(rec, malformed(err), hintOf(env, rec), partition)
	}
	wanted := events.Command
	if topic == p.topics.Reports() {
		wanted = events.Report
	}
	if events.KindOf(env.Type) != wanted {
		return out.poisoned(rec, events.Refuse(events.CodeUnknownType, "a %s does not belong on %s", env.Type, topic))
	}
	out.message = m
	named, id := names(m)
	registers, _ := m.(*events.EngineRegistration)
	if out.pool, err = request.Pool(named, rec.Key); err != nil {
		if out.pool = ""; answerable(registers.GetEngine()) {
			return out.unregistered(registers.Engine, malformed(err))
		}
		return out.poisoned(rec, malformed(err))
	}
	out.taskID = id
	if req, ok := m.(*events.TaskRequested); ok && req.TaskId == "" {
		out.taskID = env.ID
	}
	if right := events.PoolPartition(out.pool); right != partition {
		if !forwardable(m) {
			out.taskID = ""
			astray := events.Refuse(events.CodeWrongPartition,
				"pool %q belongs to partition %d of %s, and this came to %d; send it there, or have murmur2 of the pool's name choose as Java clients do",
				out.pool, right, topic, partition)
			if answerable(registers.GetEngine()) {
				return out.unregistered(registers.Engine, astray)
			}
			return out.poisoned(rec, astray)
		}
		out.forwardTo, out.raw = right, rawRecord(rec, false)
		return out
	}
	if err := p.validate(out, env); err != nil {
		if wanted == events.Report || events.CheckID("taskId", out.taskID) != nil {
			out.taskID = ""
			return out.poisoned(rec, malformed(err))
		}
		out.refused = malformed(err)
	}
	return out
}

// forwardable tells whether m does no harm if it comes twice, at any time: what
// is forwarded may.
func forwardable(m proto.Message) bool {
	switch m := m.(type) {
	case *events.TaskRequested:
		return m.ReplayOf == ""
	case *events.TaskCancelRequested:
		return m.Filter == nil && m.TaskId != ""
	}
	return false
}

// poisoned refuses a record that nobody can be told of by a task's ID.
func (out *Prepared) poisoned(rec *events.Record, why *events.Malformed) *Prepared {
	out.refused, out.poison = why, rawRecord(rec, true)
	if out.typ == events.TypeEngineHeartbeat {
		out.beat = beatOf(rec, why)
	}
	return out
}

// unreadable refuses a record that could not be decoded. If it says nevertheless
// which task it is about, that task is rejected, in the log of its pool, where
// whoever waits for it looks.
func (out *Prepared) unreadable(rec *events.Record, why *events.Malformed, h hint, partition int32) *Prepared {
	pool, err := request.Pool(h.Pool, rec.Key)
	if err != nil || events.CheckID("taskId", h.TaskID) != nil {
		return out.poisoned(rec, why)
	}
	out.pool, out.taskID = pool, h.TaskID
	if right := events.PoolPartition(pool); right != partition {
		out.forwardTo, out.raw = right, rawRecord(rec, false)
		return out
	}
	out.refused = why
	return out
}

// unregistered refuses the registration of an engine, which hears of it. All that
// the answer repeats of it is where it is to go.
func (out *Prepared) unregistered(e *events.Engine, why *events.Malformed) *Prepared {
	out.message = &events.EngineRegistration{Engine: &events.Engine{Id: e.Id, Pool: e.Pool, Incarnation: e.Incarnation}}
	out.invalid = why
	return out
}

// answerable reports whether an engine can be told that its registration is refused,
// though its names may be bad ones: they are repeated, and so bounded.
func answerable(e *events.Engine) bool {
	return e.GetId() != "" && len(e.Id)+len(e.Pool)+len(e.Incarnation) <= 4*events.MaxIDBytes
}

func malformed(err error) *events.Malformed {
	var m *events.Malformed
	if errors.As(err, &m) {
		return m
	}
	return events.Refuse(events.CodeBadData, "%v", err)
}

// hint is what a request that could not be read says of its task.
type hint struct {
	TaskID      string `json:"taskId"`
	TaskIDSnake string `json:"task_id"`
	Pool        string `json:"pool"`
	// Data holds them in structured mode.
	Data *hint `json:"data"`
}

func (h hint) id() string {
	if h.Data != nil {
		return h.Data.id()
	}
	return cmp.Or(h.TaskID, h.TaskIDSnake)
}

func (h hint) pool() string {
	if h.Data != nil {
		return h.Data.pool()
	}
	return h.Pool
}

// hintOf looks for the task in a request that could not be read, so that
// whoever waits for that task hears of it.
func hintOf(env events.Envelope, rec *events.Record) (h hint) {
	if env.Type != events.TypeTaskRequested || rec.Value == nil {
		return hint{}
	}
	if strings.HasPrefix(env.ContentType, events.ContentJSON) {
		if json.Unmarshal(rec.Value, &h) != nil {
			return hint{}
		}
		return hint{TaskID: cmp.Or(h.id(), env.ID), Pool: h.pool()}
	}
	var m events.TaskRequested
	if proto.Unmarshal(rec.Value, &m) != nil {
		return hint{}
	}
	return hint{TaskID: cmp.Or(m.TaskId, env.ID), Pool: m.Pool}
}

// engineOf looks for the engine in a registration that could not be read; nil if it
// is none, or does not say which engine it is of.
func engineOf(env events.Envelope, rec *events.Record) *events.Engine {
	if env.Type != events.TypeEngineRegistration {
		return nil
	}
	_, known, err := events.DecodeKnown(rec)
	m, ok := known.(*events.EngineRegistration)
	if err != nil || !ok || !answerable(m.Engine) {
		return nil
	}
	m.Engine.Pool = cmp.Or(m.Engine.Pool, string(rec.Key), string(events.DefaultPool))
	return m.Engine
}

// names gives the pool and the task that a command or report names.
func names(m proto.Message) (pool, task string) {
	switch m := m.(type) {
	case *events.TaskRequested:
		return m.Pool, m.TaskId
	case *events.AttemptFinished:
		return m.Pool, m.TaskId
	case *events.AttemptStarted:
		return m.Pool, m.TaskId
	case *events.AttemptProgressed:
		return m.Pool, m.TaskId
	case *events.EngineHeartbeat:
		return m.Pool, ""
	case *events.EngineRegistration:
		return m.GetEngine().GetPool(), ""
	case *events.EngineLeaving:
		return m.Pool, ""
	case *events.TaskCancelRequested:
		return m.Pool, m.TaskId
	case *events.TaskRetryRequested:
		return m.Pool, m.TaskId
	case *events.EngineDrainRequested:
		return m.Pool, ""
	case *events.EngineResumeRequested:
		return m.Pool, ""
	case *events.PoolConfigureRequested:
		return m.Pool, ""
	case *events.PoolImportRequested:
		return m.Pool, ""
	case *events.PoolPromoteRequested:
		return m.Pool, ""
	case *events.PoolReplaceRequested:
		return m.Pool, ""
	}
	return "", ""
}

// Bounds of a poison record as it is kept.
const maxRawBytes = 64 << 10

// rawRecord keeps a record as it came; capped, at most 64 headers and 64 KiB of it.
func rawRecord(rec *events.Record, capped bool) *events.RawRecord {
	raw := &events.RawRecord{Key: rec.Key, Value: rec.Value, ValueNull: rec.Value == nil}
	left := maxRawBytes
	cut := func(b []byte) []byte {
		if !capped {
			return b
		}
		if len(b) > left {
			raw.Truncated = true
			b = events.Cut(b, left)
		}
		left -= len(b)
		return b
	}
	raw.Key = cut(raw.Key)
	headers := rec.Headers
	if capped && len(headers) > events.MaxHeaders {
		raw.Truncated = true
		headers = headers[:events.MaxHeaders]
	}
	for _, h := range headers {
		key := strings.ToValidUTF8(string(cut([]byte(h.Key))), "\uFFFD")
		raw.Headers = append(raw.Headers, &events.RawHeader{Key: key, Value: cut(h.Value)})
	}
	raw.Value = cut(raw.Value)
	return raw
}
