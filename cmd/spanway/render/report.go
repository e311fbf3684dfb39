package render

import (
	"fmt"
	"strings"

	"github.com/spanway/spanway/internal/replay"
	"github.com/spanway/spanway/pkg/events"
)

// maxRows bounds the rows of a part of the text; JSON has all.
const maxRows = 20

// Report is what a replay found as a person reads it.
func Report(r *replay.Report) Safe {
	var b page
	b.printf("replay of pool %s  %s, record from %s to %s\n", r.Pool, Count(r.Tasks, "task", "tasks"), events.Stamp(r.FromMs), events.Stamp(r.ToMs))
	d := r.Durations
	b.printf("  %d carried over, %d older than the log left out; durations: %d measured, %d estimated by the median of their kind, %d without end\n\n",
		r.CarriedOver, r.LeftOut, d.Measured, d.Estimated, d.Endless)
	row(&b, "", "RECORD", "BASELINE", "REPLAY", "CHANGE")
	count := func(name string, of func(*replay.Side) int) {
		x, y, z := of(&r.Record), of(&r.Baseline), of(&r.Replay)
		if x != 0 || y != 0 || z != 0 {
			row(&b, name, x, y, z, fmt.Sprintf("%+d", z-y))
		}
	}
	count("placed", func(s *replay.Side) int { return s.Placed })
	count("placements", func(s *replay.Side) int { return s.Placements })
	count("succeeded", func(s *replay.Side) int { return s.Succeeded })
	count("failed", func(s *replay.Side) int { return s.Failed })
	count("dead", func(s *replay.Side) int { return s.Dead })
	count("expired", func(s *replay.Side) int { return s.Expired })
	count("cancelled", func(s *replay.Side) int { return s.Cancelled })
	count("running at the end", func(s *replay.Side) int { return s.Running })
	count("waiting at the end", func(s *replay.Side) int { return s.Waiting })
	span := func(name string, of func(*replay.Side) int64) {
		x, y, z := of(&r.Record), of(&r.Baseline), of(&r.Replay)
		row(&b, name, Ms(x), Ms(y), Ms(z), more(z-y))
	}
	span("wait p50", func(s *replay.Side) int64 { return s.Wait.P50Ms })
	span("wait p95", func(s *replay.Side) int64 { return s.Wait.P95Ms })
	span("wait p99", func(s *replay.Side) int64 { return s.Wait.P99Ms })
	span("wait max", func(s *replay.Side) int64 { return s.Wait.MaxMs })
	span("makespan", func(s *replay.Side) int64 { return s.MakespanMs })
	groups(r, &b, "tenant", func(s *replay.Side) []replay.Group { return s.Tenants })
	groups(r, &b, "priority", func(s *replay.Side) []replay.Group { return s.Priorities })
	groups(r, &b, "kind", func(s *replay.Side) []replay.Group { return s.Kinds })
	engines(r, &b)
	unplaceable(r, &b)
	c := r.Change
	b.printf("\n%s on another engine, %d placed sooner, %d later, %d gained, %d missed\n", Count(c.Moved, "task", "tasks"), c.Sooner, c.Later, c.Gained, c.Missed)
	f := r.Drift
	b.printf("the baseline is off the record by %s on another engine, %d sooner, %d later, wait p50 %s, p95 %s, makespan %s\n",
		Count(f.Moved, "task", "tasks"), f.Sooner, f.Later, more(f.Wait.P50Ms), more(f.Wait.P95Ms), more(f.MakespanMs))
	return b.text()
}

// groups prints the waiting times of groups, if there are several.
func groups(r *replay.Report, b *page, what string, of func(*replay.Side) []replay.Group) {
	names := union(of(&r.Record), of(&r.Baseline), of(&r.Replay), func(g replay.Group) string { return g.Name })
	if len(names) < 2 {
		return
	}
	b.printf("\nWAIT P50 / P95 BY %s\n", strings.ToUpper(what))
	for i, name := range names {
		if i == maxRows {
			rest(b, len(names)-i)
			return
		}
		x, y, z := find(of(&r.Record), name), find(of(&r.Baseline), name), find(of(&r.Replay), name)
		label := name
		if label == "" {
			label = "(none)"
		}
		row(b, label, waits(x), waits(y), waits(z), more(z.Wait.P50Ms-y.Wait.P50Ms)+" / "+more(z.Wait.P95Ms-y.Wait.P95Ms))
	}
}

func waits(g replay.Group) string {
	if g.Placed == 0 {
		return "-"
	}
	return Ms(g.Wait.P50Ms) + " / " + Ms(g.Wait.P95Ms)
}

func find(groups []replay.Group, name string) replay.Group {
	for _, g := range groups {
		if g.Name == name {
			return g
		}
	}
	return replay.Group{}
}

func engines(r *replay.Report, b *page) {
	ids := union(r.Record.Engines, r.Baseline.Engines, r.Replay.Engines, func(e replay.Engine) string { return e.ID })
	if len(ids) == 0 {
		return
	}
	b.printf("\nPLACEMENTS BY ENGINE\n")
	of := func(s *replay.Side, id string) int {
		for _, e := range s.Engines {
			if e.ID == id {
				return e.Placements
			}
		}
		return 0
	}
	for i, id := range ids {
		if i == maxRows {
			rest(b, len(ids)-i)
			return
		}
		x, y, z := of(&r.Record, id), of(&r.Baseline, id), of(&r.Replay, id)
		row(b, id, x, y, z, fmt.Sprintf("%+d", z-y))
	}
}

func unplaceable(r *replay.Report, b *page) {
	reasons := union(nil, r.Baseline.Unplaced, r.Replay.Unplaced, func(u replay.Unplaceable) string { return string(u.Reason) })
	if len(reasons) == 0 {
		return
	}
	b.printf("\nUNPLACEABLE BY REASON\n")
	of := func(s *replay.Side, reason string) (u replay.Unplaceable) {
		for _, u := range s.Unplaced {
			if string(u.Reason) == reason {
				return u
			}
		}
		return u
	}
	for _, reason := range reasons {
		y, z := of(&r.Baseline, reason), of(&r.Replay, reason)
		examples := z.Examples
		if len(examples) == 0 {
			examples = y.Examples
		}
		row(b, reason, "", y.Tasks, z.Tasks, fmt.Sprintf("%+d", z.Tasks-y.Tasks), "  such as "+strings.Join(examples, " "))
	}
}

// union lists the names of three lists, each in order of names, in that order.
func union[T any](a, b, c []T, name func(T) string) []string {
	var out []string
	seen := make(map[string]bool)
	for _, list := range [][]T{a, b, c} {
		for _, x := range list {
			if n := name(x); !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

func row(b *page, name string, cells ...any) {
	line := Sprintf("%-24s", name).text
	for i, c := range cells {
		if i < 4 {
			line += Sprintf(" %18v", c).text
		} else {
			line += Sprintf("%v", c).text
		}
	}
	b.printf("%s\n", strings.TrimRight(line, " "))
}

func rest(b *page, n int) { b.printf("and %d more; see them with -o json\n", n) }

// more is a duration with its sign.
func more(ms int64) string {
	if ms < 0 {
		return "-" + Ms(-ms)
	}
	return "+" + Ms(ms)
}
