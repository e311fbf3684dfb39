package compare_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// drawDeclared is what may be declared, from an offset on.
func drawDeclared(t *rapid.T, from int64) compare.Declared {
	d := compare.Declared{From: from, Relay: rapid.Bool().Draw(t, "relay")}
	if rapid.Bool().Draw(t, "routed") {
		d.Routed = &compare.Routing{Header: rapid.SampledFrom([]string{"to", "sites"}).Draw(t, "header"), Site: "fra", Unrouted: rapid.Bool().Draw(t, "unrouted"), UnknownGoOn: true}
		if rapid.Bool().Draw(t, "allowed") {
			d.Routed.Allowed = []string{rapid.SampledFrom([]string{"fra", "ams"}).Draw(t, "name")}
		}
	}
	return d
}

// chosen says whether a declaration has a record copied, by rules of its own.
func chosen(d *compare.Declared, r *events.Record) bool {
	if _, ok := events.ProvenanceOf(r, here); ok && !d.Relay {
		return false
	}
	if d.Routed == nil {
		return true
	}
	to, _ := r.Header(d.Routed.Header)
	allowed := len(d.Routed.Allowed) == 0 || d.Routed.Allowed[0] == "fra"
	return len(to) == 0 && d.Routed.Unrouted || strings.Contains(string(to), "fra") && allowed
}

// changed is a copy during which what is declared has changed: of each record it is said what
// was declared when the copy came there.
func changed(t *rapid.T) (w *world, by []compare.Declared) {
	w = &world{cfg: compare.Config{Source: here, Target: there, Whole: true}}
	var all []compare.Declared
	for from := int64(0); len(all) < rapid.IntRange(1, 4).Draw(t, "declarations"); from += rapid.Int64Range(1, 15).Draw(t, "span") {
		all = append(all, drawDeclared(t, from))
	}
	at := int64(0)
	for offset := range int64(40) {
		r := record(offset)
		if rapid.IntRange(0, 3).Draw(t, "hopped") == 0 {
			r = hopped(r, "tok")
		}
		if to := rapid.SampledFrom([]string{"fra", "ams", "ams,fra", ""}).Draw(t, "to"); to != "" {
			r.Headers = append(r.Headers, events.Header{Key: rapid.SampledFrom([]string{"to", "sites"}).Draw(t, "key"), Value: []byte(to)})
		}
		w.source = append(w.source, r)
		d := all[0]
		for _, one := range all {
			if one.From <= offset {
				d = one
			}
		}
		by = append(by, d)
		if chosen(&d, &r) {
			w.target = append(w.target, copyOf(r, 1, at))
			at++
		}
	}
	now := all[len(all)-1]
	w.cfg.Relay, w.cfg.Routed = now.Relay, now.Routed
	w.cfg.SourceRange, w.cfg.TargetRange = compare.Range{End: 40}, compare.Range{End: at}
	w.cfg.Declare(all, 40)
	return w, by
}

// Each record is judged by what was declared when the copy came there: a true copy is equal,
// and what was passed over that would be copied now is counted by itself.
func TestWhatWasDeclared(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, by := changed(t)
		var passed, not int64
		for i := range w.source {
			now := compare.Declared{Relay: w.cfg.Relay, Routed: w.cfg.Routed}
			switch was := chosen(&by[i], &w.source[i]); {
			case !was && chosen(&now, &w.source[i]):
				passed++
			case !was:
				not++
			}
		}
		got, _ := w.audit(rapid.IntRange(1, 9).Draw(t, "page"))
		if !got.Equal() || got.EqualTo != 40 || got.Passed != passed || got.Same != int64(len(w.target)) || got.Relayed+got.Elsewhere != not {
			t.Fatalf("want %d passed, %d not copied: %+v", passed, not, got)
		}
		if len(w.target) == 0 {
			return
		}
		i := rapid.IntRange(0, len(w.target)-1).Draw(t, "lost")
		w.target = slices.Delete(w.target, i, i+1)
		if got, _ := w.audit(5); got.Wrong != (compare.Wrong{compare.Missing: 1}) {
			t.Fatalf("a copy was lost: %+v", got)
		}
	})
}

// Where it is not known any more what was declared, no record is missing, and copies are
// compared all the same. What is behind the checkpoint is judged by what is declared now, and
// what is in front of the first declaration by that.
func TestDeclarationsThatAreNotKnown(t *testing.T) {
	w := &world{cfg: compare.Config{Source: here, Target: there, Whole: true, SourceRange: compare.Range{End: 40}, TargetRange: compare.Range{End: 20}}}
	for offset := range int64(40) {
		w.source = append(w.source, record(offset))
		if offset%2 == 0 {
			w.target = append(w.target, copyOf(record(offset), 1, offset/2))
		}
	}
	none := &compare.Routing{Header: "to", Site: "fra"}
	for name, c := range map[string]struct {
		all  []compare.Declared
		want compare.Result
	}{
		"all":   {[]compare.Declared{{Unknown: true}}, compare.Result{Same: 20, Undeclared: 15, Wrong: compare.Wrong{compare.Missing: 5}}},
		"first": {[]compare.Declared{{From: 10, Routed: none}}, compare.Result{Same: 5, Passed: 30, Wrong: compare.Wrong{compare.Missing: 5, compare.Extra: 15}}},
		"none":  {nil, compare.Result{Same: 20, Wrong: compare.Wrong{compare.Missing: 20}}},
	} {
		w.cfg.Declare(c.all, 30)
		got, _ := w.audit(7)
		if got.Same != c.want.Same || got.Passed != c.want.Passed || got.Undeclared != c.want.Undeclared || got.Wrong != c.want.Wrong {
			t.Errorf("%s: %+v", name, got)
		}
	}
	w.target[3].Value = []byte("other")
	w.cfg.Declare([]compare.Declared{{Unknown: true}}, 40)
	if got, _ := w.audit(7); got.Equal() {
		t.Errorf("a copy that differs: %+v", got)
	}
}
