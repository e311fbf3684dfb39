package predicate

import (
	"errors"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"

	"github.com/spanway/spanway/pkg/events"
)

func TestScore(t *testing.T) {
	shown := sample()
	shown[EngineUsed] = Map(fields{"slots": types.Int(3)})
	shown[EngineNode] = types.String("rack-1")
	for _, a := range []Attribute{EngineRunningNodeKinds, EngineRunningNodeTasks} {
		shown[a] = types.NewStringList(types.DefaultTypeAdapter, []string{"a", "b"})
	}
	tests := []struct {
		text    string
		want    float64
		says    string
		unknown bool
	}{
		{"1", 1, "", false},
		{"2u", 2, "", false},
		{"-0.5", -0.5, "", false},
		{"engine.free.slots", 1, "", false},
		{"engine.allocatable.slots - engine.used.slots", 1, "", false},
		{"int(engine.labels.gpu) * 10", 20, "", false},
		{"double(engine.free.slots) / double(engine.allocatable.slots)", 0.25, "", false},
		{"engine.labels.disk == 'ssd' ? 10 : 0", 10, "", false},
		{"engine.node.startsWith('rack') ? size(engine.running.node_tasks) : 0", 2, "", false},
		{"'b' in engine.running.node_kinds ? 1 : 0", 1, "", false},
		{"int(engine.labels.cores)", 0, "no such key", true},
		{"int(engine.labels.disk)", 0, "conversion", false},
		{"1 / (engine.free.slots - 1)", 0, "zero", false},
		{"1.0 / 0.0", 0, "not finite", false},
		{"0.0 / 0.0", 0, "not finite", false},
	}
	for _, tt := range tests {
		p, err := CompilePrefer(tt.text)
		if err != nil {
			t.Errorf("CompilePrefer(%q): %v", tt.text, err)
			continue
		}
		got, err := p.Score(shown)
		switch {
		case (err != nil) != (tt.says != ""), errors.Is(err, ErrUnknownAttribute) != tt.unknown, got != tt.want:
			t.Errorf("Score(%q) = %v, %v; want %v, %q, unknown=%v", tt.text, got, err, tt.want, tt.says, tt.unknown)
		case err != nil && !strings.Contains(err.Error(), tt.says):
			t.Errorf("Score(%q): %v; want %q in it", tt.text, err, tt.says)
		}
	}
	if p, err := CompilePrefer(" "); p != nil || err != nil {
		t.Errorf("no text gives %v, %v; want no preference", p, err)
	}
}

func TestRefusedPreferences(t *testing.T) {
	tests := []struct {
		text string
		code events.Code
		says string
	}{
		{"1 +", events.CodeBadPrefer, "line 1, column 4"},
		{"1 +\n engine.lables.gpu", events.CodeBadPrefer, "line 2, column 15"},
		{"engine.site", events.CodeBadPrefer, "string, not a number"},
		{"engine.site == 'eu'", events.CodeBadPrefer, "bool, not a number"},
		{"engine.labels.gpu", events.CodeBadPrefer, "any type, not a number"},
		{"int(dyn(engine.labels.gpu))", events.CodeBadPrefer, "dyn()"},
		{"size(engine.labels.filter(k, k == 'gpu'))", events.CodeBadPrefer, "map"},
		{"[1].map(a, [1].map(b, b))[0][0]", events.CodePredicateTooCostly, "within"},
		{"1" + strings.Repeat("+1", 1000), events.CodePredicateTooCostly, "chain"},
		{strings.Repeat("1", MaxBytes+1), events.CodeTooLarge, "prefer has"},
		{"'\xff'", events.CodeBadPrefer, "UTF-8"},
	}
	for _, tt := range tests {
		_, err := CompilePrefer(tt.text)
		var m *events.Malformed
		if !errors.As(err, &m) || m.Code != tt.code || !strings.Contains(m.Message, tt.says) {
			t.Errorf("CompilePrefer(%.40q) = %v; want %s with %q", tt.text, err, tt.code, tt.says)
		}
	}
}

// TestAccepts: what an engine accepts depends on the task alone.
func TestAccepts(t *testing.T) {
	p, err := CompileAccepts("task.tenant == '' && task.needs.slots <= 1 && task.priority >= 5")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := p.Eval(sample()); !ok || err != nil {
		t.Errorf("Eval = %v, %v; want true", ok, err)
	}
	if want := Reads(1<<TaskTenant | 1<<TaskNeeds | 1<<TaskPriority); p.Reads() != want {
		t.Errorf("Reads = %b, want %b", p.Reads(), want)
	}
	for _, tt := range []struct{ text, says string }{
		{"engine.labels.gpu >= 1", "line 1, column 1"},
		{"task.priority > 3 && engine.site == 'eu'", "line 1, column 22"},
		{"engine.free.slots > 1", "the attributes are task.id"},
		{"task.priority", "int, not bool"},
	} {
		_, err := CompileAccepts(tt.text)
		var m *events.Malformed
		if !errors.As(err, &m) || m.Code != events.CodeBadPredicate || !strings.Contains(m.Message, tt.says) {
			t.Errorf("CompileAccepts(%q) = %v; want %s with %q", tt.text, err, events.CodeBadPredicate, tt.says)
		}
	}
}

// TestCacheTellsLanguagesApart: one text may be good in one and bad in another.
func TestCacheTellsLanguagesApart(t *testing.T) {
	c := NewCache(0)
	for range 2 {
		if _, err := c.Compile("engine.site == 'eu'"); err != nil {
			t.Error(err)
		}
		if _, err := c.Accepts("engine.site == 'eu'"); err == nil {
			t.Error("an engine accepts by what is the engine's")
		}
		if _, err := c.Prefer("engine.site == 'eu'"); err == nil {
			t.Error("a Boolean is preferred")
		}
		if p, err := c.Prefer("1"); err != nil || p.Text() != "1" {
			t.Errorf("Prefer(1) = %v, %v", p, err)
		}
		if _, err := c.Accepts(strings.Repeat(" ", MaxBytes) + "false"); err == nil {
			t.Error("text beyond the limit is accepted")
		}
	}
}

func TestReadsOfNodes(t *testing.T) {
	for text, want := range map[string][3]bool{ // live, single, of fold version 2
		"engine.site == 'a'":                      {false, false, false},
		"engine.id == 'a'":                        {false, true, false},
		"engine.running.kinds == []":              {true, true, false},
		"engine.node == 'a'":                      {false, true, true},
		"engine.used.slots < 1":                   {true, true, true},
		"'db' in engine.running.node_kinds":       {true, true, true},
		"!(task.id in engine.running.node_tasks)": {true, true, true},
	} {
		p, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if r := p.Reads(); [3]bool{r.Live(), r.Single(), r.New()} != want {
			t.Errorf("%s: live %v, single %v, new %v; want %v", text, r.Live(), r.Single(), r.New(), want)
		}
	}
}
