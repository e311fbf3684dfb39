package predicate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/spanway/spanway/pkg/events"
)

type fields map[string]ref.Val

func (f fields) Find(name string) (ref.Val, bool) { v, ok := f[name]; return v, ok }

func (f fields) Names() []string {
	var names []string
	for n := range f {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

type values map[Attribute]ref.Val

func (v values) Value(a Attribute) ref.Val { return v[a] }

func sample() values {
	list := func(s ...string) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, s) }
	return values{
		EngineID: types.String("eu-1"), EngineSite: types.String("eu"), EnginePool: types.String("blue"),
		EngineLabels:       Map(fields{"gpu": types.Int(2), "disk": types.String("ssd"), "spot": types.False, "zones": list("a", "b")}),
		EngineAllocatable:  Map(fields{"slots": types.Int(4)}),
		EngineFree:         Map(fields{"slots": types.Int(1)}),
		EngineRunningKinds: list("resize"), EngineRunningTasks: list("t1"),
		TaskID: types.String("t2"), TaskKind: types.String("resize"), TaskPool: types.String("blue"),
		TaskPriority: types.Int(5), TaskTenant: types.String(""), TaskNeeds: Map(fields{"slots": types.Int(1)}),
		TaskAttempt: types.Int(1),
	}
}

func TestEval(t *testing.T) {
	tests := []struct {
		text    string
		want    bool
		unknown bool
	}{
		{"", true, false},
		{"true", true, false},
		{"false", false, false},
		{"engine.labels.gpu >= 1", true, false},
		{"engine.labels.gpu >= 1.5", true, false},
		{`engine.labels["gpu"] == 2 && engine.site == "eu"`, true, false},
		{"engine.labels.cores >= 1", false, true},
		{"has(engine.labels.cores)", false, false},
		{"engine.labels.cores >= 1 || engine.site == 'eu'", true, false},
		{"engine.labels.disk > 3", false, false},
		{"'a' in engine.labels.zones", true, false},
		{"engine.labels.zones.exists(z, z == 'b')", true, false},
		{"!engine.labels.spot", true, false},
		{"engine.labels.spot == false", true, false},
		{"engine.free.slots < engine.allocatable.slots", true, false},
		{"engine.free == {'slots': 1}", true, false},
		{"size(engine.labels) == 4", true, false},
		{"!(task.kind in engine.running.kinds)", false, false},
		{"engine.id.startsWith('eu-') && engine.id.matches('^eu-[0-9]+$')", true, false},
		{"task.needs.slots <= engine.free.slots && task.priority > 4 && task.attempt == 1", true, false},
		{"engine.running.tasks.all(x, x != task.id)", true, false},
	}
	for _, tt := range tests {
		p, err := Compile(tt.text)
		if err != nil {
			t.Errorf("Compile(%q): %v", tt.text, err)
			continue
		}
		got, err := p.Eval(sample())
		if got != tt.want || errors.Is(err, ErrUnknownAttribute) != tt.unknown {
			t.Errorf("Eval(%q) = %v, %v; want %v, unknown=%v", tt.text, got, err, tt.want, tt.unknown)
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, text string
		code       events.Code
		says       string
	}{
		{"syntax", "engine.labels.gpu >=\n  &&", events.CodeBadPredicate, "line 2, column 3"},
		{"unknown name", "engine.lables.gpu >= 1", events.CodeBadPredicate, "engine.labels"},
		{"type", "engine.site > 3", events.CodeBadPredicate, "line 1, column 13"},
		{"not bool", "engine.site", events.CodeBadPredicate, "string"},
		{"dyn", "engine.labels.gpu", events.CodeBadPredicate, "not bool"},
		{"map order", "engine.labels.exists(k, k == 'gpu')", events.CodeBadPredicate, "map"},
		{"hidden map", "dyn(engine.labels).exists(k, k == 'gpu')", events.CodeBadPredicate, "dyn()"},
		{"zone", "timestamp('2026-01-01T00:00:00Z').getHours('Europe/Berlin') > 3", events.CodeBadPredicate, "getHours"},
		{"two loops", "engine.running.tasks.exists(a, engine.running.tasks.exists(b, a == b))", events.CodePredicateTooCostly, "within"},
		{"small loops", "[1,2].exists(a, [1,2].exists(b, a == b))", events.CodePredicateTooCostly, "within"},
		{"deep", strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500), events.CodePredicateTooCostly, "deep"},
		{"nots", strings.Repeat("!", 900) + "true", events.CodePredicateTooCostly, "deep"},
		{"lists", strings.Repeat("[", 900) + strings.Repeat("]", 900) + " == []", events.CodePredicateTooCostly, "deep"},
		{"chain", "1" + strings.Repeat("+1", 1000) + " == 1", events.CodePredicateTooCostly, "chain"},
		{"long", strings.Repeat("true && ", 200_000) + "true", events.CodeTooLarge, "bytes"},
		{"not text", "engine.site == '\xff'", events.CodeBadPredicate, "UTF-8"},
		{"regex", `engine.site.matches("((a{100}){100}){10}")`, events.CodeBadPredicate, ""},
	}
	for _, tt := range tests {
		start := time.Now()
		_, err := Compile(tt.text)
		took := time.Since(start)
		var m *events.Malformed
		if !errors.As(err, &m) || m.Code != tt.code || !strings.Contains(m.Message, tt.says) {
			t.Errorf("%s: Compile = %v; want %s with %q", tt.name, err, tt.code, tt.says)
		}
		if took > 10*time.Second {
			t.Errorf("%s: took %v", tt.name, took)
		}
	}
}

func TestReads(t *testing.T) {
	p, err := Compile("engine.labels.gpu >= 1 && engine.free.slots > 0 && task.tenant != ''")
	if err != nil {
		t.Fatal(err)
	}
	want := Reads(1<<EngineLabels | 1<<EngineFree | 1<<TaskTenant)
	if p.Reads() != want || !p.Reads().Live() {
		t.Errorf("Reads = %b, want %b", p.Reads(), want)
	}
}

func TestClauses(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"engine.site == 'a && b' && (engine.labels.x == 1 && true)&&!engine.labels.y", []string{
			"engine.site == 'a && b'", "(engine.labels.x == 1 && true)", "!engine.labels.y"}},
		{"engine.site == 'a' && true || false", []string{"engine.site == 'a' && true || false"}},
		{"engine.site == 'a' // && x\n && engine.pool == 'b'", []string{"engine.site == 'a' // && x", "engine.pool == 'b'"}},
		{`engine.site == r"\" && engine.pool == "b\"&&"`, []string{`engine.site == r"\"`, `engine.pool == "b\"&&"`}},
	}
	for _, tt := range tests {
		p, err := Compile(tt.text)
		if err != nil {
			t.Fatalf("Compile(%q): %v", tt.text, err)
		}
		var got []string
		for _, c := range p.Clauses() {
			got = append(got, c.Text())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("Clauses(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestCacheForgets(t *testing.T) {
	c := NewCache(2)
	first, _ := c.Compile("engine.site == 'a'")
	again, _ := c.Compile("engine.site == 'a'")
	if first != again {
		t.Error("the same text was compiled twice")
	}
	_, _ = c.Compile("engine.site == 'b'")
	_, _ = c.Compile("engine.site == 'c'")
	if len(c.byText) != 2 || c.recent.Len() != 2 {
		t.Errorf("the cache holds %d, want 2", len(c.byText))
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"engine.labels.gpu >= 1", "a.b(c, d[e]) ? f : g", "[1].map(x, [x])", `r"\" && "\"`, "!!!!-1 == {'a': 1}.a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		defer func() {
			if took := time.Since(start); took > 10*time.Second {
				t.Fatalf("%q took %v", text, took)
			}
		}()
		p, err := Compile(text)
		if err != nil {
			var m *events.Malformed
			if !errors.As(err, &m) || m.Message == "" {
				t.Fatalf("Compile(%q): %v is no refusal", text, err)
			}
			return
		}
		first, firstErr := p.Eval(sample())
		second, secondErr := p.Eval(sample())
		if first != second || (firstErr == nil) != (secondErr == nil) {
			t.Fatalf("Eval(%q) differs: %v %v, then %v %v", text, first, firstErr, second, secondErr)
		}
		p.Clauses()
	})
}

func BenchmarkEval(b *testing.B) {
	p, err := Compile("engine.labels.gpu >= 1 && engine.site == 'eu'")
	if err != nil {
		b.Fatal(err)
	}
	s := sample()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Eval(s)
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		_, _ = Compile("engine.labels.gpu >= 1 && engine.site == 'eu'")
	}
}

// TestCacheIsShared is for the race detector: a Preparer and the owner's loop
// use one cache, and one predicate at once.
func TestCacheIsShared(t *testing.T) {
	c := NewCache(3)
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for j := range 200 {
				p, err := c.Compile(fmt.Sprintf("engine.labels.gpu >= %d", (i+j)%6))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := p.Eval(sample()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
}
