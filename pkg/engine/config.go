package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

const (
	defaultTTL   = 5 * time.Second
	defaultGrace = 30 * time.Second
	// minTTL leaves room for five heartbeats that are not much delayed.
	minTTL = 500 * time.Millisecond
	// slotsPerCPU is the default concurrency: handlers wait more than they
	// compute, and what is short must bridge the way to the scheduler and back.
	slotsPerCPU = 8
	// maxAccepts is what the scheduler takes of CEL, as of a task's predicate.
	maxAccepts = 2 << 10
)

// Config of an engine. Only Brokers and ID have no default; WithCluster takes the
// place of Brokers.
type Config struct {
	// Brokers are addresses, host:port, of the Kafka cluster to begin with.
	Brokers []string
	// Prefix of Spanway's topics; "spanway." if empty.
	Prefix string
	// ID names the engine and is unique in its pool. A process that registers
	// under the ID of another takes its place.
	ID string
	// Pool is the scheduling domain; "default" if empty.
	Pool string
	// Site is where the engine is, for predicates; may be empty.
	Site string
	// Labels are what predicates see as engine.labels: strings, integers,
	// Booleans and lists of those.
	Labels map[string]any
	// Allocatable is what tasks may need of this engine, by dimension. If it is
	// nil: 8 slots for each CPU that Go may use (GOMAXPROCS). A task that names
	// no needs takes one slot.
	Allocatable map[string]int64
	// TTL is after how long a silent engine counts as lost; 5s if 0, at least
	// 500ms. It must not be longer than the scheduler's.
	TTL time.Duration
	// Grace is how long running handlers may go on when the engine drains; 30s
	// if 0. Negative means not at all.
	Grace time.Duration
	// JSON writes reports as JSON instead of protobuf. Both are always read.
	JSON bool
	// Logger takes what an operator should know; slog.Default() if nil.
	Logger *slog.Logger
	// Terms are optional, all of them.
	Terms
}

// Terms on which an engine takes work, besides what it has.
type Terms struct {
	// Accepts is CEL over task, such as task.tenant != "x": the engine is given
	// only tasks for which it is true. Empty accepts all. It has at most 2 KiB;
	// if the scheduler refuses it, Run returns why.
	Accepts string
	// Node names the host, which other engines may share. Tasks may ask to be
	// near others of their kind or away from them. Empty: nobody knows.
	Node string
	// Monitor measures what is used, such as monitor.New(monitor.Best) of package
	// monitor does. Tasks must fit into what it leaves of Allocatable, too. Nil
	// measures nothing.
	Monitor Monitor
}

// Monitor measures what is used on an engine.
type Monitor interface {
	// Used is what is used now, by dimension; what is not measured is left out.
	// Only dimensions of Allocatable matter. It is called about once a second, by
	// one goroutine.
	Used() map[string]int64
}

// Validate says what is wrong with the configuration and how to mend it.
func (c *Config) Validate() error {
	switch {
	case len(c.Brokers) == 0:
		return fmt.Errorf("engine config: Brokers is empty: name at least one broker, such as 127.0.0.1:29092")
	case slices.Contains(c.Brokers, ""):
		return fmt.Errorf("engine config: Brokers %q contains an empty address: remove it", c.Brokers)
	case c.TTL != 0 && c.TTL < minTTL:
		return fmt.Errorf("engine config: TTL is %v: use at least %v, or 0 for %v", c.TTL, minTTL, defaultTTL)
	}
	if err := c.checkNames(); err != nil {
		return err
	}
	switch {
	case len(c.Accepts) > maxAccepts:
		return fmt.Errorf("engine config: Accepts has %d bytes: use at most %d", len(c.Accepts), maxAccepts)
	case !utf8.ValidString(c.Accepts):
		return fmt.Errorf("engine config: Accepts is %q: use UTF-8", c.Accepts)
	}
	if err := events.CheckAllocatable(c.Allocatable); err != nil {
		return wrong(err)
	}
	_, err := labels(c.Labels)
	return err
}

// checkNames checks what names the engine and where it is.
func (c *Config) checkNames() error {
	if c.ID == "" {
		return errors.New("engine config: ID is empty: give the engine a name that no other in its pool has, such as its host's")
	}
	for _, name := range []struct{ field, value string }{{"ID", c.ID}, {"Pool", c.Pool}, {"Site", c.Site}, {"Node", c.Node}} {
		if err := events.CheckOptionalID(name.field, name.value); err != nil {
			return wrong(err)
		}
	}
	if err := events.CheckPrefix(c.Prefix); err != nil {
		return wrong(err)
	}
	return nil
}

// wrong says of a refusal, which is about a record, that it is about the configuration.
func wrong(err error) error {
	return fmt.Errorf("engine config: %s", reason(err))
}

// reason is why something was refused, without the code.
func reason(err error) string {
	var refused *events.Malformed
	if errors.As(err, &refused) {
		return refused.Message
	}
	return err.Error()
}

// withDefaults fills in what is absent.
func (c Config) withDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = events.DefaultPrefix
	}
	if c.Pool == "" {
		c.Pool = string(events.DefaultPool)
	}
	if c.Allocatable == nil {
		c.Allocatable = map[string]int64{"slots": int64(slotsPerCPU * runtime.GOMAXPROCS(0))}
	}
	if c.TTL == 0 {
		c.TTL = defaultTTL
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	c.Grace = max(c.Grace, 0)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// labels puts labels into their form on the wire.
func labels(in map[string]any) (map[string]*structpb.Value, error) {
	out := make(map[string]*structpb.Value, len(in))
	for _, name := range sortedKeys(in) {
		v, ok := label(in[name], true)
		if !ok || name == "" || !utf8.ValidString(name) {
			return nil, fmt.Errorf("engine config: Labels[%q] is %v (%T): use a string, an integer below 2^53, a Boolean, or a list of those", name, in[name], in[name])
		}
		out[name] = v
	}
	if err := events.CheckLabels(out); err != nil {
		return nil, wrong(err)
	}
	return out, nil
}

func label(v any, list bool) (*structpb.Value, bool) {
	switch v := v.(type) {
	case string:
		return structpb.NewStringValue(v), utf8.ValidString(v)
	case bool:
		return structpb.NewBoolValue(v), true
	case int:
		return integer(int64(v))
	case int32:
		return integer(int64(v))
	case int64:
		return integer(v)
	case float64: // What JSON makes of integers.
		return structpb.NewNumberValue(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case []string:
		return labelList(v, list)
	case []int:
		return labelList(v, list)
	case []any:
		return labelList(v, list)
	}
	return nil, false
}

func integer(v int64) (*structpb.Value, bool) {
	return structpb.NewNumberValue(float64(v)), v > -1<<53 && v < 1<<53
}

func labelList[T any](in []T, allowed bool) (*structpb.Value, bool) {
	values := make([]*structpb.Value, len(in))
	for i, v := range in {
		e, ok := label(v, false)
		if !ok {
			return nil, false
		}
		values[i] = e
	}
	return structpb.NewListValue(&structpb.ListValue{Values: values}), allowed
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
