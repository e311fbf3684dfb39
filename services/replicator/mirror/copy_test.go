package mirror

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// begun is a copy of an empty target that has come to where it reads the source.
func begun(t *testing.T, cfg Config, source *partition) *Copy {
	t.Helper()
	cfg.Source, cfg.Target = from, into
	c := New(cfg, nil)
	page := Source{Page: source.read(0, 100)}
	for _, err := range []error{c.Claimed(0, 0, ""), c.Page(0, &page), c.Saved()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func records(values ...string) *partition {
	p := &partition{}
	for i, v := range values {
		p.append(events.Record{Timestamp: int64(i), Value: []byte(v)})
	}
	return p
}

// feed gives a copy all of a source.
func feed(t *testing.T, c *Copy, p *partition) {
	t.Helper()
	read, ok := c.Next().(ReadSource)
	if !ok {
		t.Fatalf("the copy does not read, its step is %T", c.Next())
	}
	if err := c.Page(read.From, &Source{Page: p.read(read.From, 100)}); err != nil {
		t.Fatal(err)
	}
}

func TestWhatStopsACopy(t *testing.T) {
	large := &partition{}
	large.append(events.Record{Value: make([]byte, 500)})
	bad := &partition{}
	bad.append(events.Record{Headers: []events.Header{{Key: "to", Value: []byte("ams,mars")}}})
	for _, c := range []struct {
		name string
		copy func(t *testing.T) *Copy
		want Reason
	}{
		{"a record before it began", func(t *testing.T) *Copy {
			c := New(Config{Source: from, Target: into}, nil)
			must(c.Claimed(0, 1, ""))
			must(c.Tail(Tail{Records: records("x").records, Next: 1}))
			return c
		}, TargetNotEmpty},
		{"a record since", func(t *testing.T) *Copy {
			c := New(Config{Source: from, Target: into}, &Checkpoint{Generation: 1})
			must(c.Claimed(0, 1, ""))
			must(c.Tail(Tail{Records: records("x").records, Next: 1}))
			return c
		}, ForeignWriter},
		{"a record between two batches", func(t *testing.T) *Copy {
			p := records("a")
			c := begun(t, Config{}, p)
			feed(t, c, p)
			must(c.Appended(1))
			must(c.Tail(Tail{Records: records("x").records, Next: 1}))
			return c
		}, ForeignWriter},
		{"a place that was taken before", func(t *testing.T) *Copy {
			p := records("a")
			c := begun(t, Config{}, p)
			feed(t, c, p)
			must(c.Appended(0))
			p.append(events.Record{Value: []byte("b")})
			feed(t, c, p)
			must(c.Appended(0))
			return c
		}, TargetLost},
		{"retention", func(t *testing.T) *Copy {
			p := records("a")
			c := begun(t, Config{}, p)
			feed(t, c, p)
			must(c.Appended(0))
			p.append(events.Record{Value: []byte("b")})
			p.append(events.Record{Value: []byte("c")})
			p.trim(2)
			feed(t, c, p)
			return c
		}, Overtaken},
		{"a record that is too large", func(t *testing.T) *Copy {
			c := begun(t, Config{MaxRecord: 400}, large)
			feed(t, c, large)
			return c
		}, Uncopyable},
		{"a record that the target refuses", func(t *testing.T) *Copy {
			c := begun(t, Config{}, large)
			feed(t, c, large)
			must(c.Refused())
			return c
		}, Uncopyable},
		{"a destination that is not allowed", func(t *testing.T) *Copy {
			c := begun(t, Config{Routed: &Routing{Header: "to", Site: "fra", Allowed: []string{"ams", "fra"}}}, bad)
			feed(t, c, bad)
			return c
		}, Misrouted},
		{"another source", func(t *testing.T) *Copy {
			p := records("a")
			c := begun(t, Config{}, p)
			feed(t, c, p)
			must(c.Appended(0))
			p = records("b")
			p.term = 1
			feed(t, c, p)
			feed(t, c, p)
			return c
		}, SourceChanged},
	} {
		t.Run(c.name, func(t *testing.T) {
			stopped := c.copy(t)
			rest, ok := stopped.Next().(Rest)
			told := stopped.Incidents()
			if !ok || rest.Reason != c.want || stopped.State() != Stopped || len(told) != 1 || told[0].Reason != c.want {
				t.Errorf("the copy is %s, its step is %T%v, it tells %v; want %s", stopped.State(), stopped.Next(), stopped.Next(), told, c.want)
			}
		})
	}
}

// A copy that has read nothing yet has no gap when retention deletes what it would have
// begun with: it begins with what there is, and tells how much is gone.
func TestRetentionBeforeTheBeginning(t *testing.T) {
	p := records("a", "b", "c")
	c := begun(t, Config{}, p)
	p.trim(2)
	feed(t, c, p)
	feed(t, c, p)
	step, ok := c.Next().(Append)
	if !ok || len(step.Records) != 1 || string(step.Records[0].Value) != "c" {
		t.Fatalf("the copy is %s, its step is %T%v; want to append c", c.State(), c.Next(), c.Next())
	}
	if told := c.Incidents(); len(told) != 1 || told[0].Reason != Overtaken || told[0].Lost != 2 {
		t.Errorf("it tells %v, want that 2 records are gone", told)
	}
}

// The records beside one that the target refuses are copied, in their order.
func TestOneRefusedRecord(t *testing.T) {
	p := records("a", "b", "c", "refused", "d", "e")
	c := begun(t, Config{On: Policies{Uncopyable: GoOn}}, p)
	feed(t, c, p)
	var got []string
	var end int64
	for range 20 {
		switch s := c.Next().(type) {
		case Append:
			refused := false
			for _, r := range s.Records {
				refused = refused || string(r.Value) == "refused"
			}
			if refused {
				must(c.Refused())
				continue
			}
			for _, r := range s.Records {
				got = append(got, string(r.Value))
			}
			must(c.Appended(end))
			end += int64(len(s.Records))
		case DeadLetter:
			got = append(got, fmt.Sprintf("(%s)", s.Record.Value))
			must(c.Buried())
		}
	}
	if fmt.Sprint(got) != "[a b c (refused) d e]" || c.State() != Delta || c.Counts() != (Counts{Copied: 5, Buried: 1}) {
		t.Errorf("the copy is %s, has copied %v, counts %+v", c.State(), got, c.Counts())
	}
}

func TestRouting(t *testing.T) {
	r := Routing{Header: "to", Site: "fra", Allowed: []string{"ams", "fra"}}
	lax := Routing{Header: "to", Site: "fra", Allowed: []string{"ams", "fra"}, Unrouted: true, Unknown: GoOn}
	for _, c := range []struct {
		header           string
		strict, tolerant string
	}{
		{"fra", "copied", "copied"},
		{" ams , fra,fra ", "copied", "copied"},
		{"ams", "not", "not"},
		{"", "not", "copied"},
		{" , ", "not", "copied"},
		{"none", "not", "copied"},
		{"mars", "cannot", "not"},
		{"mars,fra", "cannot", "copied"},
		{"FRA", "cannot", "not"},
		{string(make([]byte, MaxDestinations+1)), "cannot", "cannot"},
	} {
		record := &events.Record{Headers: []events.Header{{Key: "to", Value: []byte(c.header)}}}
		if c.header == "none" {
			record.Headers = nil
		}
		encoded := *record
		encodeHeaders(&encoded)
		for want, r := range map[string]*Routing{"strict " + c.strict: &r, "lax " + c.tolerant: &lax} {
			for _, record := range []*events.Record{record, &encoded} {
				got := "not"
				switch wanted, ok := r.wants(record); {
				case !ok:
					got = "cannot"
				case wanted:
					got = "copied"
				}
				if want != "strict "+got && want != "lax "+got {
					t.Errorf("%.20q (encoded: %v): %s, want %s", c.header, record == &encoded, got, want)
				}
			}
		}
	}
}

// A record that was in as many clusters as it may goes no further, wherever it has not been.
func TestHopsAreLimited(t *testing.T) {
	for hops := range MaxHops + 2 {
		mark := events.Provenance{Origin: events.Origin{ClusterPartition: events.ClusterPartition{Cluster: "c0", Topic: "t"}}, Generation: 1}
		for i := 1; i < hops; i++ {
			mark.Earlier = append(mark.Earlier, events.Hop{Cluster: fmt.Sprintf("c%d", i)})
		}
		c := New(Config{Source: from, Target: into, Relay: true}, nil)
		r := events.Record{Value: []byte("far")}
		if hops > 0 {
			r = mark.Mark(&r, from)
		}
		want := copied
		if hops >= MaxHops {
			want = looped
		}
		if _, f := c.fate(&r); f != want {
			t.Errorf("a record that was in %d clusters before is decided %v, want %v", hops, f, want)
		}
	}
}

// An operator's generation begins once, whatever crashes.
func TestBeginOnce(t *testing.T) {
	p := records("a", "b", "c")
	cfg := Config{Source: from, Target: into, Begin: Begin{Generation: 3, From: 1}}
	c := New(cfg, &Checkpoint{Generation: 2, Next: 3})
	must(c.Claimed(0, 0, ""))
	feed(t, c, p)
	save, ok := c.Next().(Save)
	if !ok || save.Checkpoint.Generation != 3 || save.Checkpoint.Next != 1 {
		t.Fatalf("the step is %+v", c.Next())
	}
	again := New(cfg, &save.Checkpoint)
	must(again.Claimed(0, 0, ""))
	feed(t, again, p)
	must(again.Saved())
	feed(t, again, p)
	if a, ok := again.Next().(Append); !ok || len(a.Records) != 2 || string(a.Records[0].Value) != "b" {
		t.Errorf("the step is %+v", again.Next())
	}
}

// What a shell tells without having been asked is an error, and changes nothing.
func TestUnaskedFor(t *testing.T) {
	c := New(Config{Source: from, Target: into}, nil)
	for what, err := range map[string]error{
		"a page": c.Page(0, &Source{}), "a tail": c.Tail(Tail{}), "an append": c.Appended(0),
		"a refusal": c.Refused(), "a checkpoint": c.Saved(), "a dead letter": c.Buried(),
	} {
		if err == nil || c.State() != Claiming {
			t.Errorf("%s: error %v, the copy is %s", what, err, c.State())
		}
	}
}

// Where others wrote until a fail-over, and the target is compacted, the newest copy may have
// given way to a record of theirs: nothing was lost, and nothing is copied again.
func TestACompactedTargetThatWasWrittenTo(t *testing.T) {
	for below, want := range map[int64]int64{9: 6, 5: 0} {
		saved := &Checkpoint{Generation: 1, Next: 6, Last: &Last{Target: 5, Origin: 5, Generation: 1}}
		c := New(Config{Source: from, Target: into, Compacted: Compaction{Target: true}, Tolerated: below}, saved)
		must(c.Claimed(0, 9, ""))
		for read, ok := c.Next().(ReadTail); ok; read, ok = c.Next().(ReadTail) {
			must(c.Tail(Tail{Next: read.To}))
		}
		if c.mark.Next != want {
			t.Errorf("below %d: it goes on at %d, want %d; %+v", below, c.mark.Next, want, c.Incidents())
		}
	}
}

// A tombstone that was copied last, and that compaction has deleted from the target since, is
// no loss; what comes behind the newest record is copied again all the same. A record that is
// none, a target without compaction, and one that ends in front of it, tell of a loss.
func TestATombstoneThatWasCompacted(t *testing.T) {
	for name, c := range map[string]struct {
		tombstone, compacted bool
		end                  int64
		id                   string
		lost                 bool
	}{
		"it was compacted":            {true, true, 9, "id", false},
		"it was no tombstone":         {false, true, 9, "id", true},
		"nothing is compacted there":  {true, false, 9, "id", true},
		"the target has lost its end": {true, true, 5, "id", true},
		"the target is another one":   {true, true, 9, "new", true},
	} {
		saved := &Checkpoint{Generation: 1, Next: 6, TargetID: "id", Last: &Last{Target: 5, Origin: 5, Generation: 1, Tombstone: c.tombstone}}
		copies := New(Config{Source: from, Target: into, Compacted: Compaction{Source: true, Target: c.compacted}}, saved)
		must(copies.Claimed(0, c.end, c.id))
		for read, ok := copies.Next().(ReadTail); ok; read, ok = copies.Next().(ReadTail) {
			mark := events.Provenance{Origin: events.Origin{ClusterPartition: from, Offset: 2}, Generation: 1}
			last := mark.Mark(&events.Record{Value: []byte("v")}, into)
			last.Offset = 2
			must(copies.Tail(Tail{Records: []events.Record{last}, Next: read.To}))
		}
		if incidents := copies.Incidents(); copies.mark.Next != 3 || (len(incidents) > 0) != c.lost {
			t.Errorf("%s: it goes on at %d, %+v", name, copies.mark.Next, incidents)
		}
	}
}

// A copy that stops for a foreign writer as soon as it begins, such as one that is resumed in
// vain, says up to where it has copied by what stands in the target: its checkpoint is older.
func TestWhereACopyStandsThatStopsAtOnce(t *testing.T) {
	mark := events.Provenance{Origin: events.Origin{ClusterPartition: from, Offset: 5}, Generation: 1}
	last := mark.Mark(&events.Record{Value: []byte("v")}, into)
	last.Offset = 5
	foreign := events.Record{Offset: 6, Value: []byte("x")}
	for name, c := range map[string]struct {
		saved   *Checkpoint
		records []events.Record
		want    Checkpoint
	}{
		"it has copied since":  {&Checkpoint{Generation: 1, Next: 3, Last: &Last{Target: 2, Origin: 2, Generation: 1}}, []events.Record{last, foreign}, Checkpoint{Generation: 1, Next: 6}},
		"it has read since":    {&Checkpoint{Generation: 1, Next: 9, Last: &Last{Target: 5, Origin: 5, Generation: 1}}, []events.Record{last, foreign}, Checkpoint{Generation: 1, Next: 9}},
		"it has not begun yet": {nil, []events.Record{foreign}, Checkpoint{}},
	} {
		copies := New(Config{Source: from, Target: into}, c.saved)
		must(copies.Claimed(0, 7, ""))
		must(copies.Tail(Tail{Records: c.records, Next: 7}))
		mark, _ := copies.Checkpoint()
		if told := copies.Incidents(); copies.State() != Stopped || len(told) != 1 || mark.Generation != c.want.Generation || mark.Next != c.want.Next {
			t.Errorf("%s: it is %s at %+v, %v", name, copies.State(), mark, told)
		}
	}
}
