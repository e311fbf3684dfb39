package main

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// texts are what may be given as a name, and whether it is one, wherever it is given.
var texts = map[string]bool{
	"blue": true, "a b": true, "Größe 7": true, "a,b": true, strings.Repeat("x", 256): true,
	"blue\r": false, "a\nb": false, "\x00": false, "a\u0085b": false, "a\x7f": false, noText: false, strings.Repeat("x", 257): false,
}

// noNames are the fields of commands and registrations that hold other texts.
var noNames = []string{
	"predicate", "prefer", "accepts", "not_before", "schedule_timeout", "execution_timeout", "initial_backoff", "max_backoff",
	"reason", "needs", "allocatable", "payload_json", "of",
}

// named are the messages that come from outside, each with all that it needs.
var named = []proto.Message{
	&events.TaskRequested{TaskId: "t", Kind: "k", LimitKey: "l", Retry: &events.RetryRequested{}},
	&events.TaskRequested{Kind: "k", ReplayOf: "t"},
	&events.TaskCancelRequested{TaskId: "t"},
	&events.TaskCancelRequested{Filter: &events.TaskFilter{}},
	&events.TaskRetryRequested{TaskId: "t"},
	&events.EngineDrainRequested{EngineId: "e"},
	&events.EngineResumeRequested{EngineId: "e"},
	&events.PoolConfigureRequested{Settings: &events.PoolSettings{}},
	&events.PoolImportRequested{ImportId: "i"},
	&events.PoolPromoteRequested{ImportId: "i", Of: "X/t/0@1", Settings: &events.PoolSettings{}},
	&events.PoolReplaceRequested{},
	&events.EngineRegistration{Engine: &events.Engine{Id: "e", Incarnation: "i"}},
}

// eachName calls f with each field of a message that holds a name, with what sets it.
func eachName(m protoreflect.Message, path string, f func(path string, set func(string))) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		at := path + "." + string(field.Name())
		switch {
		case slices.Contains(noNames, string(field.Name())):
		case field.IsMap():
			if field.MapKey().Kind() == protoreflect.StringKind {
				f(at, func(name string) {
					value := protoreflect.ValueOfInt32(1)
					if field.MapValue().Kind() == protoreflect.MessageKind {
						value = protoreflect.ValueOfMessage(structpb.NewBoolValue(true).ProtoReflect())
					}
					m.Mutable(field).Map().Set(protoreflect.ValueOfString(name).MapKey(), value)
				})
			}
		case field.Kind() == protoreflect.StringKind && field.IsList():
			f(at, func(name string) { m.Mutable(field).List().Append(protoreflect.ValueOfString(name)) })
		case field.Kind() == protoreflect.StringKind:
			f(at, func(name string) { m.Set(field, protoreflect.ValueOfString(name)) })
		case field.Kind() == protoreflect.MessageKind && !field.IsList() && m.Has(field):
			eachName(m.Mutable(field).Message(), at, f)
		}
	}
}

// Every field of every message that comes from outside, and every setting of an
// engine, that holds a name takes the same names: at the scheduler, at the client, at
// the engine, and on the command line.
func TestNamesAreTheSameEverywhere(t *testing.T) {
	seen := map[events.Type]bool{}
	for _, base := range named {
		seen[events.TypeOf(base)] = true
		root := string(base.ProtoReflect().Descriptor().Name())
		fields := 0
		eachName(base.ProtoReflect(), root, func(path string, _ func(string)) {
			if excluded(base, path) {
				return
			}
			fields++
			for text, valid := range texts {
				m := proto.Clone(base)
				eachName(m.ProtoReflect(), root, func(p string, set func(string)) {
					if p == path {
						set(text)
					}
				})
				if got := bySchedulerAccepted(t, m); got != valid {
					t.Errorf("%s = %q: accepted by the scheduler: %t, want %t", path, text, got, valid)
				}
				if got, asked := byClientAccepted(t, m); asked && got != valid {
					t.Errorf("%s = %q: accepted by the client: %t, want %t", path, text, got, valid)
				}
			}
		})
		if fields == 0 {
			t.Errorf("%T has no name", base)
		}
	}
	for _, typ := range events.Types() {
		// The others are for allocators, replicators and managers.
		scheduler := !strings.HasPrefix(string(typ), "spanway.ids.") && !strings.HasPrefix(string(typ), "spanway.replication.") &&
			!strings.HasPrefix(string(typ), "spanway.network.")
		if scheduler && events.KindOf(typ) == events.Command && !seen[typ] {
			t.Errorf("nothing was tried of %s: add one to the messages above", typ)
		}
	}
}

// excluded tells of the fields that another one of the message leaves no room for: a
// replay gets its ID from the scheduler, and a cancel has an ID or a filter.
func excluded(m proto.Message, path string) bool {
	switch m := m.(type) {
	case *events.TaskRequested:
		return path == "TaskRequested.replay_of" && m.ReplayOf == "" || path == "TaskRequested.task_id" && m.ReplayOf != ""
	case *events.TaskCancelRequested:
		return path == "TaskCancelRequested.task_id" && m.Filter != nil
	}
	return false
}

// bySchedulerAccepted says what a scheduler decides on a message.
func bySchedulerAccepted(t *testing.T, m proto.Message) bool {
	t.Helper()
	rec, err := events.Encoder{Source: "/test"}.Encode("id", m)
	if err != nil {
		return false // It cannot even be written.
	}
	var pool events.Pool
	topics := events.Topics{Prefix: events.DefaultPrefix}
	topic := topics.Requests()
	if r, ok := m.(*events.EngineRegistration); ok {
		topic = topics.Reports()
		r.Engine.AssignmentsPartition = events.EnginePartition(events.EngineID(r.Engine.Id))
		pool = orDefault(r.Engine.Pool)
		if rec, err = (events.Encoder{Source: "/test"}).Encode("id", m); err != nil {
			t.Fatal(err)
		}
	} else {
		pool = orDefault(m.(interface{ GetPool() string }).GetPool())
	}
	cfg := placement.Config{Partition: events.PoolPartition(pool), Topics: topics}
	state, prepared := placement.New(cfg), placement.NewPreparer(cfg).Prepare(topic, cfg.Partition, &rec)
	accepted := true
	apply := func(m proto.Message) {
		switch m := m.(type) {
		case *events.TaskRejected:
			accepted = accepted && m.Code != string(events.CodeBadData)
		case *events.EngineRegistrationRefused:
			accepted = accepted && m.Code != string(events.CodeBadData)
			if id := m.EngineId; id == "" {
				t.Error("the refusal of a registration goes to no engine")
			}
		}
	}
	clock := events.Clock{Now: 1_000_000}
	in := events.Input[*placement.Prepared]{Place: events.Place{Topic: topic, Partition: cfg.Partition}, Value: prepared}
	state.Decide(in, clock, apply)
	return accepted
}

func orDefault(pool string) events.Pool {
	if pool == "" {
		return events.DefaultPool
	}
	return events.Pool(pool)
}

// byClientAccepted says whether a client would send a command; asked is false of what
// it never sends.
func byClientAccepted(t *testing.T, m proto.Message) (accepted, asked bool) {
	t.Helper()
	c, err := client.New(client.Config{Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // What is accepted is not sent.
	defer c.Close(ctx)
	switch m := m.(type) {
	case *events.TaskRequested:
		if m.ReplayOf != "" {
			return false, false
		}
		_, err = c.SubmitRequest(ctx, proto.CloneOf(m))
	case *events.TaskCancelRequested:
		if m.Filter != nil {
			_, err = c.CancelMany(ctx, events.Pool(m.Pool), m.Filter, m.Reason)
		} else {
			err = c.Cancel(ctx, events.Pool(m.Pool), events.TaskID(m.TaskId), m.Reason)
		}
	case *events.TaskRetryRequested:
		_, err = c.Retry(ctx, events.Pool(m.Pool), events.TaskID(m.TaskId))
	case *events.EngineDrainRequested:
		err = c.Drain(ctx, events.Pool(m.Pool), events.EngineID(m.EngineId), m.Reason)
	case *events.EngineResumeRequested:
		err = c.Resume(ctx, events.Pool(m.Pool), events.EngineID(m.EngineId))
	case *events.PoolConfigureRequested:
		err = c.Configure(ctx, events.Pool(m.Pool), m.Settings)
	case *events.PoolImportRequested:
		_, err = c.ImportPool(ctx, m)
	case *events.PoolPromoteRequested:
		_, err = c.PromotePool(ctx, m)
	case *events.PoolReplaceRequested:
		err = c.ReplacePool(ctx, events.Pool(m.Pool), m.Reason)
	default:
		return false, false
	}
	var refused *client.Refused
	return !errors.As(err, &refused), true
}

func TestEnginesTakeTheNamesThatSchedulersDo(t *testing.T) {
	set := map[string]func(*engine.Config, string){
		"a label's name": func(c *engine.Config, name string) { c.Labels = map[string]any{name: 1} },
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[engine.Config]()) {
		if f.Type.Kind() == reflect.String && f.Name != "Prefix" && f.Name != "Accepts" {
			set[f.Name] = func(c *engine.Config, name string) { reflect.ValueOf(c).Elem().FieldByIndex(f.Index).SetString(name) }
		}
	}
	if len(set) < 5 {
		t.Errorf("settings that are names: %d", len(set))
	}
	for field, change := range set {
		for text, valid := range texts {
			c := engine.Config{Brokers: []string{"127.0.0.1:1"}, ID: "e"}
			change(&c, text)
			if err := c.Validate(); (err == nil) != valid {
				t.Errorf("%s = %q: %v, want it to be accepted: %t", field, text, err, valid)
			}
		}
	}
}

func TestTheCommandLineTakesTheNamesThatSchedulersDo(t *testing.T) {
	tree := cli.Tree(commands...)
	for text, valid := range texts {
		for command, flags := range map[string][]string{"engine": {"id", "pool", "node"}, "scheduler": {"instance"}} {
			c, _, err := tree.Find([]string{"serve", command})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range flags {
				if text == noText {
					refused(t, "UTF-8", "serve", command, "--"+name, text)
				} else if err := c.Flags().Set(name, text); (err == nil) != valid {
					t.Errorf("serve %s --%s %q: %v, want it to be accepted: %t", command, name, text, err, valid)
				}
			}
		}
		for _, name := range []string{"pool", "id", "kind", "tenant", "limit-key", "payload-type"} {
			if _, stderr, code := program.Call(t.Context(), "", "task", "submit", "--dry-run", "-k", "noop", "--"+name, text); (code == 0) != valid {
				t.Errorf("task submit --%s %q: exit code %d, %s; want it to be accepted: %t", name, text, code, stderr, valid)
			}
		}
	}
	t.Setenv("SPANWAY_POOL", "blue\r")
	refused(t, `SPANWAY_POOL "blue\r": pool "blue\r" contains a control character`, "serve", "engine", "--brokers", "127.0.0.1:1")
}
