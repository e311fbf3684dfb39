package proof

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// truth is what CEL makes of a Boolean expression.
type truth int8

const (
	no truth = iota
	yes
	fault // a missing attribute or a wrong type
)

func of(b bool) truth {
	if b {
		return yes
	}
	return no
}

// scene is what an expression is about.
type scene struct {
	id, site, node          string
	labels                  map[string]any
	allocatable, free, used map[string]int64
	kinds, tasks            []string // running on the engine
	nodeKinds, nodeTasks    []string // running on its node
	task                    *subject
}

// subject is the task.
type subject struct {
	kind, tenant      string
	priority, attempt int64
	needs             map[string]int64
}

// expr is a predicate and what it means.
type expr struct {
	text string
	eval func(s *scene) truth
}

// predicates makes n different predicates.
func predicates(r *rand.Rand, n int) []expr {
	out := make([]expr, 0, n)
	known := map[string]bool{}
	for len(out) < n {
		if e := tree(r, 1+r.IntN(3)); !known[e.text] {
			known[e.text] = true
			out = append(out, e)
		}
	}
	return out
}

// tree combines atoms as CEL does: && and || absorb a fault of one side if the
// other one decides.
func tree(r *rand.Rand, depth int) expr {
	if depth == 0 && r.IntN(25) == 0 {
		return changing[r.IntN(len(changing))](r)
	}
	if depth == 0 {
		return atoms[r.IntN(len(atoms))](r)
	}
	a := tree(r, depth-1)
	switch r.IntN(7) {
	case 0, 1:
		b := tree(r, depth-1)
		return expr{"(" + a.text + " && " + b.text + ")", func(s *scene) truth { return both(a.eval(s), b.eval(s)) }}
	case 2, 3, 4:
		b := tree(r, depth-1)
		return expr{"(" + a.text + " || " + b.text + ")", func(s *scene) truth {
			return negated(both(negated(a.eval(s)), negated(b.eval(s))))
		}}
	case 5:
		return expr{"!(" + a.text + ")", func(s *scene) truth { return negated(a.eval(s)) }}
	}
	b, c := tree(r, 0), tree(r, 0)
	return expr{"(" + c.text + " ? " + a.text + " : " + b.text + ")", func(s *scene) truth {
		switch c.eval(s) {
		case yes:
			return a.eval(s)
		case no:
			return b.eval(s)
		}
		return fault
	}}
}

func both(a, b truth) truth {
	switch {
	case a == no || b == no:
		return no
	case a == fault || b == fault:
		return fault
	}
	return yes
}

func negated(t truth) truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return fault
}

// label finds a label of a type.
func label[T any](s *scene, key string, then func(T) bool) truth {
	v, ok := s.labels[key].(T)
	if !ok {
		return fault
	}
	return of(then(v))
}

// amount finds a dimension.
func amount(v map[string]int64, key string, then func(int64) bool) truth {
	n, ok := v[key]
	if !ok {
		return fault
	}
	return of(then(n))
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// atoms make the simplest expressions: of labels that many engines lack, of
// strings, lists and arithmetic.
var atoms = []func(r *rand.Rand) expr{
	func(r *rand.Rand) expr {
		n := int64(r.IntN(5))
		return expr{fmt.Sprintf("engine.labels.gpu >= %d", n), func(s *scene) truth {
			return label(s, "gpu", func(v int64) bool { return v >= n })
		}}
	},
	func(r *rand.Rand) expr {
		n := int64(r.IntN(8))
		return expr{fmt.Sprintf("engine.labels.gpu * 3 - 1 != %d + task.needs.slots", n), func(s *scene) truth {
			return label(s, "gpu", func(v int64) bool { return v*3-1 != n+s.task.needs["slots"] })
		}}
	},
	func(r *rand.Rand) expr {
		key := pick(r, "gpu", "disk", "zones", "spot", "tier")
		return expr{fmt.Sprintf("has(engine.labels.%s)", key), func(s *scene) truth {
			_, ok := s.labels[key]
			return of(ok)
		}}
	},
	func(r *rand.Rand) expr {
		disk := pick(r, "ssd", "hdd", "nvme")
		return expr{fmt.Sprintf("engine.labels.disk == %q", disk), func(s *scene) truth {
			return label(s, "disk", func(v string) bool { return v == disk })
		}}
	},
	func(r *rand.Rand) expr {
		part := pick(r, "s", "d", "v")
		return expr{fmt.Sprintf("engine.labels.disk.contains(%q)", part), func(s *scene) truth {
			return label(s, "disk", func(v string) bool { return strings.Contains(v, part) })
		}}
	},
	func(r *rand.Rand) expr {
		zone := pick(r, "eu-1", "eu-2", "us-1", "ap-1")
		return expr{fmt.Sprintf("%q in engine.labels.zones", zone), func(s *scene) truth {
			return label(s, "zones", func(v []string) bool { return slices.Contains(v, zone) })
		}}
	},
	func(r *rand.Rand) expr {
		prefix := pick(r, "eu", "us", "ap")
		return expr{fmt.Sprintf("engine.labels.zones.exists(z, z.startsWith(%q))", prefix), func(s *scene) truth {
			return label(s, "zones", func(v []string) bool {
				return slices.ContainsFunc(v, func(z string) bool { return strings.HasPrefix(z, prefix) })
			})
		}}
	},
	func(*rand.Rand) expr {
		return expr{"engine.labels.spot == true", func(s *scene) truth {
			return label(s, "spot", func(v bool) bool { return v })
		}}
	},
	func(r *rand.Rand) expr {
		a, b := pick(r, "eu", "us", "ap"), pick(r, "eu", "us", "ap")
		return expr{fmt.Sprintf("engine.site in [%q, %q]", a, b), func(s *scene) truth { return of(s.site == a || s.site == b) }}
	},
	func(r *rand.Rand) expr {
		n := int64(1 + r.IntN(12))
		return expr{fmt.Sprintf("engine.allocatable.slots * 2 + task.priority > %d", n), func(s *scene) truth {
			return amount(s.allocatable, "slots", func(v int64) bool { return v*2+s.task.priority > n })
		}}
	},
	func(r *rand.Rand) expr {
		n := int64(1 + r.IntN(6))
		return expr{fmt.Sprintf("engine.allocatable.memory_bytes / 1073741824 %% 7 < %d", n), func(s *scene) truth {
			return amount(s.allocatable, "memory_bytes", func(v int64) bool { return v/(1<<30)%7 < n })
		}}
	},
	func(r *rand.Rand) expr {
		tenant := pick(r, "acme", "bolt", "cube")
		return expr{fmt.Sprintf("task.tenant.endsWith(%q)", tenant[1:]), func(s *scene) truth {
			return of(strings.HasSuffix(s.task.tenant, tenant[1:]))
		}}
	},
	func(r *rand.Rand) expr {
		n := int64(1 + r.IntN(3))
		return expr{fmt.Sprintf("task.needs.gpu >= %d", n), func(s *scene) truth {
			return amount(s.task.needs, "gpu", func(v int64) bool { return v >= n })
		}}
	},
}

// changing make those that differ from engine to engine, and most of them with
// every assignment.
var changing = []func(r *rand.Rand) expr{
	func(r *rand.Rand) expr {
		n := r.IntN(manyEngines)
		return expr{fmt.Sprintf("engine.id != \"engine-%d\"", n), func(s *scene) truth { return of(s.id != fmt.Sprintf("engine-%d", n)) }}
	},
	func(r *rand.Rand) expr {
		n := int64(1 + r.IntN(4))
		return expr{fmt.Sprintf("engine.free.slots >= %d", n), func(s *scene) truth {
			return amount(s.free, "slots", func(v int64) bool { return v >= n })
		}}
	},
	func(r *rand.Rand) expr {
		n := r.IntN(4)
		return expr{fmt.Sprintf("size(engine.running.tasks) <= %d", n), func(s *scene) truth { return of(len(s.tasks) <= n) }}
	},
	func(r *rand.Rand) expr {
		kind := pick(r, kinds...)
		return expr{fmt.Sprintf("!(%q in engine.running.node_kinds)", kind), func(s *scene) truth { return of(!slices.Contains(s.nodeKinds, kind)) }}
	},
	func(r *rand.Rand) expr {
		n := r.IntN(12)
		return expr{fmt.Sprintf("size(engine.running.node_tasks) < %d", n), func(s *scene) truth { return of(len(s.nodeTasks) < n) }}
	},
	func(r *rand.Rand) expr {
		n := int64(1 + r.IntN(9))
		return expr{fmt.Sprintf("engine.used.memory_bytes < %d * 1073741824", n), func(s *scene) truth {
			return amount(s.used, "memory_bytes", func(v int64) bool { return v < n<<30 })
		}}
	},
	func(r *rand.Rand) expr {
		end := fmt.Sprint(r.IntN(10))
		return expr{fmt.Sprintf("engine.node.endsWith(%q)", end), func(s *scene) truth { return of(strings.HasSuffix(s.node, end)) }}
	},
	func(r *rand.Rand) expr {
		kind := pick(r, kinds...)
		return expr{fmt.Sprintf("%q in engine.running.kinds", kind), func(s *scene) truth { return of(slices.Contains(s.kinds, kind)) }}
	},
}

// acceptances are what some engines accept.
var acceptances = []expr{
	{"", func(*scene) truth { return yes }},
	{`task.priority >= 2 || task.tenant == "acme"`, func(s *scene) truth { return of(s.task.priority >= 2 || s.task.tenant == "acme") }},
	{`!(task.kind == "sort") && task.needs.slots <= 4`, func(s *scene) truth {
		return both(of(s.task.kind != "sort"), amount(s.task.needs, "slots", func(v int64) bool { return v <= 4 }))
	}},
	{`has(task.needs.memory_bytes) || task.attempt < 3`, func(s *scene) truth {
		_, ok := s.task.needs["memory_bytes"]
		return of(ok || s.task.attempt < 3)
	}},
}

// preferences give scores, or errors, which are no obstacle.
var preferences = []string{
	"engine.allocatable.slots", "-1 * engine.free.slots", "engine.labels.gpu * 10", "engine.labels.spot == true ? 2.5 : 0.5",
}

var kinds = []string{"bake", "pack", "sort"}
