package replay

import (
	"github.com/spanway/spanway/pkg/events"
)

// Report says what a scenario would have changed. Its JSON names are stable. Times
// are in milliseconds.
type Report struct {
	Pool events.Pool `json:"pool"`
	// FromMs and ToMs are the beginning of the window and the end of the record,
	// since the Unix epoch.
	FromMs int64 `json:"from_ms"`
	ToMs   int64 `json:"to_ms"`
	Tasks  int   `json:"tasks"`
	// CarriedOver are those of the tasks that were accepted before the window.
	CarriedOver int `json:"carried_over"`
	// LeftOut tasks had not ended where the kept log begins, and are not among them.
	LeftOut   int       `json:"left_out"`
	Durations Durations `json:"durations"`
	// Record is what happened, Baseline what the core makes of it, Replay what it
	// makes of it with the scenario.
	Record   Side `json:"record"`
	Baseline Side `json:"baseline"`
	Replay   Side `json:"replay"`
	// Change is from the baseline to the replay, Drift from the record to the
	// baseline: how far off the method is.
	Change Difference `json:"change"`
	Drift  Difference `json:"drift"`
}

// Durations says where the durations of attempts come from.
type Durations struct {
	// Measured tasks ran to their end in the record, Estimated ones take the median
	// of their kind, Endless ones run until they are cancelled.
	Measured  int            `json:"measured"`
	Estimated int            `json:"estimated"`
	Endless   int            `json:"endless"`
	Kinds     []KindDuration `json:"kinds"`
}

// Difference is what is more, or less, than before.
type Difference struct {
	// Moved tasks were last placed on another engine.
	Moved int `json:"moved"`
	// Sooner and Later count tasks by when they were placed first.
	Sooner int `json:"sooner"`
	Later  int `json:"later"`
	// Gained tasks were placed only now, Missed ones no longer.
	Gained     int   `json:"gained"`
	Missed     int   `json:"missed"`
	Placements int   `json:"placements"`
	Waiting    int   `json:"waiting"`
	Wait       Wait  `json:"wait"`
	MakespanMs int64 `json:"makespan_ms"`
}

// Compare runs a recording as it is and with a scenario.
func Compare(rec *Recording, sc Scenario) (*Report, error) {
	base, err := Run(rec, Scenario{})
	if err != nil {
		return nil, err
	}
	changed, err := Run(rec, sc)
	if err != nil {
		return nil, err
	}
	was := recorded(rec)
	r := &Report{
		Pool: rec.Pool, FromMs: rec.FromMs, ToMs: rec.ToMs, Tasks: len(rec.Requests), LeftOut: rec.leftOut,
		Durations: Durations{Kinds: rec.works.kinds}, Record: was.side(), Baseline: base.side(), Replay: changed.side(),
	}
	if r.Durations.Kinds == nil {
		r.Durations.Kinds = []KindDuration{}
	}
	for _, q := range rec.Requests {
		if q.carried() {
			r.CarriedOver++
		}
		*r.Durations.of(rec, q)++
	}
	r.Change = difference(base, changed, &r.Baseline, &r.Replay)
	r.Drift = difference(was, base, &r.Record, &r.Baseline)
	return r, nil
}

func (d *Durations) of(rec *Recording, q *Request) *int {
	switch p := rec.works.play(q, 0, rec.ToMs); {
	case p.as != nil:
		return &d.Measured
	case p.ms == forever:
		return &d.Endless
	}
	return &d.Estimated
}

func difference(from, to *Outcome, a, b *Side) Difference {
	d := Difference{
		Placements: b.Placements - a.Placements, Waiting: b.Waiting - a.Waiting, MakespanMs: b.MakespanMs - a.MakespanMs,
		Wait: Wait{b.Wait.P50Ms - a.Wait.P50Ms, b.Wait.P95Ms - a.Wait.P95Ms, b.Wait.P99Ms - a.Wait.P99Ms, b.Wait.MaxMs - a.Wait.MaxMs},
	}
	for i := range from.tasks {
		x, y := &from.tasks[i], &to.tasks[i]
		switch {
		case x.firstMs < 0 && y.firstMs < 0:
		case x.firstMs < 0:
			d.Gained++
		case y.firstMs < 0:
			d.Missed++
		default:
			if x.engine != y.engine {
				d.Moved++
			}
			if y.firstMs < x.firstMs {
				d.Sooner++
			} else if y.firstMs > x.firstMs {
				d.Later++
			}
		}
	}
	return d
}
