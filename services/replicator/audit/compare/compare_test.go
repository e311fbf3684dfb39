package compare_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// A true copy is equal, however it is read, and its windows add up.
func TestTrueCopy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		got, windows := w.audit(rapid.IntRange(1, 9).Draw(t, "page"))
		if !got.Equal() || got.EqualTo != w.cfg.SourceRange.End {
			t.Fatalf("a true copy: %+v", got)
		}
		checkWindows(t, w, got, windows)
	})
}

func checkWindows(t *rapid.T, w *world, got compare.Result, windows []compare.Window) {
	var same int64
	next := w.cfg.SourceRange.Start
	for _, win := range windows {
		if win.Start != next || win.End < win.Start || win.Source != win.Target {
			t.Fatalf("window %+v, which begins at %d", win, next)
		}
		same, next = same+win.Source.Records, win.End
	}
	if next != w.cfg.SourceRange.End || same != got.Same {
		t.Fatalf("windows up to %d with %d records; of %+v", next, same, got)
	}
	if n := got.Same + got.Looped + got.Relayed; n != int64(len(w.source)) {
		t.Fatalf("%d of %d records are accounted for: %+v", n, len(w.source), got)
	}
}

// Whatever is done to the target is found.
func TestMutations(t *testing.T) {
	mutations := map[string]func(*rapid.T, *world, int) []compare.Kind{
		"drop": func(_ *rapid.T, w *world, i int) []compare.Kind {
			w.target = slices.Delete(w.target, i, i+1)
			return []compare.Kind{compare.Missing}
		},
		"double": func(t *rapid.T, w *world, i int) []compare.Kind {
			r := w.target[i]
			r.Offset = w.cfg.TargetRange.End - 1
			if j := i + 1; rapid.Bool().Draw(t, "at once") && j < len(w.target) && w.target[j].Offset > w.target[i].Offset+1 {
				r.Offset = w.target[i].Offset + 1
				w.target = slices.Insert(w.target, j, r)
				return []compare.Kind{compare.Duplicate}
			}
			w.target = append(w.target, r)
			return []compare.Kind{compare.Duplicate}
		},
		"move": func(_ *rapid.T, w *world, i int) []compare.Kind {
			r := w.target[i]
			if !slices.ContainsFunc(w.target[i+1:], func(r events.Record) bool { _, ok := events.ProvenanceOf(&r, there); return ok }) {
				return nil // It was the last.
			}
			w.target = slices.Delete(w.target, i, i+1)
			r.Offset = w.cfg.TargetRange.End - 1
			w.target = append(w.target, r)
			return []compare.Kind{compare.Disorder, compare.Missing}
		},
		"key": func(_ *rapid.T, w *world, i int) []compare.Kind {
			w.target[i].Key = append([]byte("!"), w.target[i].Key...)
			return []compare.Kind{compare.Missing}
		},
		"null": func(_ *rapid.T, w *world, i int) []compare.Kind {
			if w.target[i].Value == nil {
				w.target[i].Value = []byte{}
			} else {
				w.target[i].Value = nil
			}
			return []compare.Kind{compare.Missing}
		},
		"timestamp": func(_ *rapid.T, w *world, i int) []compare.Kind {
			w.target[i].Timestamp++
			return []compare.Kind{compare.Missing}
		},
		"header": func(_ *rapid.T, w *world, i int) []compare.Kind {
			w.target[i].Headers = append([]events.Header{{Key: "h", Value: []byte("!")}}, w.target[i].Headers...)
			return []compare.Kind{compare.Differs, compare.Missing}
		},
		"other content": func(_ *rapid.T, w *world, i int) []compare.Kind {
			p, _ := events.ProvenanceOf(&w.target[i], there)
			r := w.target[i]
			r.Value = append([]byte("!"), r.Value...)
			w.target[i] = p.Mark(&r, there)
			return []compare.Kind{compare.Differs, compare.Missing}
		},
		"other trail": func(_ *rapid.T, w *world, i int) []compare.Kind {
			p, _ := events.ProvenanceOf(&w.target[i], there)
			r := w.target[i]
			p.Earlier = append(p.Earlier, events.Hop{Cluster: "x", Offset: 1})
			w.target[i] = p.Mark(&r, there)
			return []compare.Kind{compare.Differs, compare.Missing}
		},
		"foreign": func(_ *rapid.T, w *world, _ int) []compare.Kind {
			if w.cfg.Tolerated == compare.Shared {
				return nil
			}
			w.target = append(w.target, record(w.cfg.TargetRange.End-1))
			return []compare.Kind{compare.Foreign}
		},
		"unasked": func(t *rapid.T, w *world, _ int) []compare.Kind {
			r := hopped(record(w.cfg.SourceRange.End), rapid.SampledFrom([]string{"fra", "tok"}).Draw(t, "from"))
			if _, ok := events.ProvenanceOf(&r, here); !ok || w.cfg.Relay {
				r = hopped(record(w.cfg.SourceRange.End), "fra")
			}
			w.source = append(w.source, r)
			w.target = append(w.target, copyOf(r, 2, w.cfg.TargetRange.End-1))
			w.cfg.SourceRange.End++
			return []compare.Kind{compare.Extra}
		},
		"invented": func(_ *rapid.T, w *world, _ int) []compare.Kind {
			w.target = append(w.target, copyOf(record(w.cfg.SourceRange.End), 2, w.cfg.TargetRange.End-1))
			w.cfg.SourceRange.End += 2
			return []compare.Kind{compare.Extra}
		},
	}
	for name, mutate := range mutations {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := drawWorld(t)
				var own []int // that count: not of a source that is gone
				for i := range w.target {
					p, ok := events.ProvenanceOf(&w.target[i], there)
					n := len(w.cfg.Generations)
					if ok && n > 0 && (p.Generation == 2 || w.cfg.Generations[n-1].Number == 1 || p.Origin.Offset < w.cfg.Generations[n-1].Origin) && string(w.target[i].Value) != "lost" {
						own = append(own, i)
					}
				}
				if len(own) == 0 {
					return
				}
				want := mutate(t, w, rapid.SampledFrom(own).Draw(t, "which"))
				got, windows := w.audit(rapid.IntRange(1, 9).Draw(t, "page"))
				if want == nil {
					return
				}
				if !slices.ContainsFunc(want, func(k compare.Kind) bool { return got.Wrong[k] > 0 }) {
					t.Fatalf("not found as any of %v: %+v", want, got)
				}
				if got.EqualTo >= w.cfg.SourceRange.End && want[0] != compare.Foreign {
					t.Fatalf("equal up to %d: %+v", got.EqualTo, got)
				}
				var wrong int64
				for _, win := range windows {
					wrong += win.Wrong.Total()
				}
				if wrong == 0 {
					t.Fatalf("no window tells of %+v", got)
				}
			})
		})
	}
}

// The target behind: what is not copied yet is no finding, unless all is asked for.
func TestBehind(t *testing.T) {
	w := line(10)
	w.target = w.target[:6]
	w.cfg.Whole = false
	got, windows := w.audit(4)
	if !got.Equal() || got.Behind != 4 || got.EqualTo != 6 || got.Same != 6 {
		t.Errorf("behind: %+v", got)
	}
	if len(windows) != 1 || windows[0].Source != windows[0].Target || windows[0].Source.Records != 6 {
		t.Errorf("windows: %+v", windows)
	}
	w.cfg.Whole = true
	if got, _ := w.audit(4); got.Wrong[compare.Missing] != 4 || got.Behind != 0 {
		t.Errorf("whole: %+v", got)
	}
}

// line is so many records, and copies of them.
func line(n int64) *world {
	w := &world{cfg: compare.Config{Source: here, Target: there, Whole: true, SourceRange: compare.Range{End: n}, TargetRange: compare.Range{End: n}}}
	for i := range n {
		w.source = append(w.source, record(i))
		w.target = append(w.target, copyOf(record(i), 1, i))
	}
	w.cfg.Generations = []compare.Generation{{Number: 1}}
	return w
}

func TestFates(t *testing.T) {
	routed := func(value string) events.Record {
		r := record(0)
		r.Headers = []events.Header{{Key: "to", Value: []byte(value)}}
		return r
	}
	routing := &compare.Routing{Header: "to", Site: "fra", Allowed: []string{"fra", "tok"}}
	for name, c := range map[string]struct {
		record events.Record
		change func(*compare.Config)
		want   compare.Result
	}{
		"looped":       {hopped(record(0), "fra"), nil, compare.Result{Looped: 1}},
		"relayed":      {hopped(record(0), "tok"), nil, compare.Result{Relayed: 1}},
		"for us":       {routed(" tok ,fra"), nil, compare.Result{Wrong: compare.Wrong{compare.Missing: 1}}},
		"elsewhere":    {routed("tok,tok"), nil, compare.Result{Elsewhere: 1}},
		"unrouted":     {routed(" , "), nil, compare.Result{Elsewhere: 1}},
		"no header":    {record(0), func(c *compare.Config) { c.Routed.Unrouted = true }, compare.Result{Wrong: compare.Wrong{compare.Missing: 1}}},
		"unknown":      {routed("fra,sin"), nil, compare.Result{Uncopyable: 1}},
		"passed over":  {routed("fra,sin"), func(c *compare.Config) { c.Routed.UnknownGoOn = true }, compare.Result{Wrong: compare.Wrong{compare.Missing: 1}}},
		"dead letter":  {routed("fra"), func(c *compare.Config) { c.Buried = func(o int64) bool { return o == 0 } }, compare.Result{Uncopyable: 1}},
		"not readable": {events.Record{Headers: []events.Header{{Key: events.HeaderUndecodable}}}, nil, compare.Result{Uncopyable: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			own := *routing
			w := &world{cfg: compare.Config{Source: here, Target: there, Whole: true, Declaration: compare.Declaration{Routed: &own}, SourceRange: compare.Range{End: 1}}}
			if c.change != nil {
				c.change(&w.cfg)
			}
			w.source = []events.Record{c.record}
			got, _ := w.audit(5)
			got.EqualTo, got.First = 0, nil
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCoordinates(t *testing.T) {
	w := line(300)
	w.cfg.Every.Offsets = 100
	w.target = slices.Delete(w.target, 150, 170)
	got, windows := w.audit(50)
	if got.Wrong[compare.Missing] != 20 || len(got.First) != 10 || got.First[0] != (compare.Finding{Kind: compare.Missing, Source: 150, Target: -1}) || got.EqualTo != 150 {
		t.Errorf("%+v", got)
	}
	for i, win := range windows {
		if equal := win.Source == win.Target; win.Start != int64(i)*100 || equal != (i != 1) || (win.Wrong.Total() == 20) != (i == 1) {
			t.Errorf("window %+v", win)
		}
	}
}

func TestRetention(t *testing.T) {
	w := line(10)
	w.source = w.source[4:]
	w.cfg.SourceRange.Start = 4
	w.target = append(w.target, copyOf(record(10), 1, 10))
	w.cfg.TargetRange.End++
	if got, _ := w.audit(3); !got.Equal() || got.Gone != 4 || got.Same != 6 || got.Later != 1 || got.LaterTo != 11 {
		t.Errorf("%+v", got)
	}
}
