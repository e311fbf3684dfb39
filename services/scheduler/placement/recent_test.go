package placement

import "testing"

func TestRecentFindsOnlyTheCurrentAttempt(t *testing.T) {
	blue, green := &pool{name: "blue"}, &pool{name: "green"}
	var r recent
	if _, got := r.find("blue", "a", 1); got != nil {
		t.Fatalf("found %q before anything was assigned", got.id)
	}
	a := &task{id: "a", token: 7, status: assigned}
	r.note(blue, a)
	for _, c := range []struct {
		name, pool, id string
		token          uint64
		found          bool
	}{
		{"itself", "blue", "a", 7, true},
		{"another pool", "green", "a", 7, false},
		{"another task", "blue", "b", 7, false},
		{"an older attempt in its place", "blue", "a", 7 + recentAttempts, false},
	} {
		p, got := r.find(c.pool, c.id, c.token)
		if (got == a && p == blue) != c.found || !c.found && got != nil {
			t.Errorf("%s: found %v", c.name, got)
		}
	}
	a.status = waiting
	if _, got := r.find("blue", "a", 7); got != nil {
		t.Error("an attempt that was given back was found")
	}
	b := &task{id: "a", token: 7 + recentAttempts, status: assigned}
	r.note(green, b)
	r.forget(a) // Its place is another's now.
	if p, got := r.find("green", "a", b.token); got != b || p != green {
		t.Error("the one that took the place was forgotten with the other")
	}
	if r.forget(b); r.at(b.token).task != nil {
		t.Error("a task that ended is held")
	}
}
