package predicate

import (
	"fmt"
	"testing"
)

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "[]",
		"true":                    "[]",
		`engine.site == "ams"`:    "[]",
		"engine.labels.gpu >= 1":  "[engine.labels.gpu]",
		`task.needs.slots > 1`:    "[]",
		`"gpu" in engine.labels`:  "[engine.labels.gpu]",
		"has(engine.labels.gpu)":  "[engine.labels.gpu]",
		`engine.labels["a-b"]==1`: `[engine.labels["a-b"]]`,
		`engine.labels.gpu >= 1 && engine.site == "eu" && engine.labels.gpu < 4 && engine.free.slots > 2`:                   "[engine.labels.gpu engine.free.slots]",
		`engine.running.kinds.exists(k, k == engine.labels.kind) || engine.allocatable["memory_bytes"] > engine.free.slots`: "[engine.labels.kind engine.allocatable.memory_bytes engine.free.slots]",
	} {
		got, err := Names(text)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("Names(%q) = %v, %v; want %s", text, got, err, want)
		}
	}
	if _, err := Names("engine.labels.gpu >="); err == nil {
		t.Error("Names of what does not compile has no error")
	}
}
