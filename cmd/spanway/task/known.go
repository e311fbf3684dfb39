package task

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

const (
	// mostUndecided bounds the lines whose decision is waited for at once; the lines
	// beyond are submitted without it.
	mostUndecided = 100_000
	// mostKnown bounds the lines of which it is said that they were submitted before;
	// the others are counted.
	mostKnown = 100_000
	// mostCompared bounds the bytes of the lines that are kept to be compared.
	mostCompared = 64 << 20
	// decisionsWithin bounds the wait for the decisions at the end, and lookWithin the
	// look at the tasks that were there before.
	decisionsWithin = 10 * time.Second
	lookWithin      = 30 * time.Second
)

// againOfFile is what is known of the lines of a file whose IDs may have been submitted
// before. The lock of its bulk guards it.
type againOfFile struct {
	count    int // of those that were
	lines    []knownLine
	compared int // bytes of them that are kept

	undecided int           // lines that no scheduler has decided yet
	unasked   int           // lines of which it was not asked or is not known
	blind     bool          // the log cannot be read
	moved     chan struct{} // a decision came
}

// knownLine is a line whose ID was submitted before.
type knownLine struct {
	number int
	pool   events.Pool
	id     events.TaskID
	asked  *events.TaskRequested // nil if it is not compared
	found  again
}

// asks tells whether it is found out if the ID of the next line is known, and counts
// it as undecided if so.
func (b *bulk) asks() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.again.blind || b.again.undecided >= mostUndecided {
		b.again.unasked++
		return false
	}
	b.again.undecided++
	return true
}

// decided returns what is told of the decision of a line.
func (b *bulk) decided(number, bytes int, r *events.TaskRequested) func(client.Decision, error) {
	return func(d client.Decision, err error) {
		switch {
		case err != nil:
			b.mu.Lock()
			b.again.blind = true
			b.again.unasked++
			b.mu.Unlock()
		case d.Refused != nil:
			b.app.Notef("line %d: task %s was refused: %v\n", number, r.TaskId, d.Refused)
		case d.Repeated:
			b.knownAlready(number, bytes, r)
		}
		b.settled()
	}
}

// knownAlready notes a line whose ID was submitted before.
func (b *bulk) knownAlready(number, bytes int, r *events.TaskRequested) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.again.count++
	if len(b.again.lines) >= mostKnown {
		return
	}
	line := knownLine{number: number, pool: poolOr(r.Pool), id: events.TaskID(r.TaskId)}
	if b.again.compared += bytes; b.again.compared <= mostCompared {
		line.asked = r
	}
	b.again.lines = append(b.again.lines, line)
}

// settled counts a line as decided.
func (b *bulk) settled() {
	b.mu.Lock()
	b.again.undecided--
	b.mu.Unlock()
	select {
	case b.again.moved <- struct{}{}:
	default:
	}
}

// awaitDecisions waits until the lines are decided, no longer than decisionsWithin, nor
// while for decisionWithin none is.
func (b *bulk) awaitDecisions(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, decisionsWithin)
	defer stop()
	for b.undecided() > 0 {
		quiet := time.NewTimer(decisionWithin)
		select {
		case <-b.again.moved:
			quiet.Stop()
			continue
		case <-quiet.C:
		case <-ctx.Done():
			quiet.Stop()
		}
		return
	}
}

func (b *bulk) undecided() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.again.undecided
}

// tellAgain says of each line whose ID was submitted before that it was, with the task's
// state and what the line says otherwise, and how many there are.
func (b *bulk) tellAgain(ctx context.Context) {
	b.awaitDecisions(ctx)
	b.mu.Lock()
	lines, count := slices.Clone(b.again.lines), b.again.count
	unknown := b.again.unasked + b.again.undecided
	b.mu.Unlock()
	slices.SortFunc(lines, func(x, y knownLine) int { return cmp.Compare(x.number, y.number) })
	look(ctx, b.client, lines)
	for _, l := range lines {
		b.app.Notef("line %d: %s\n", l.number, l.found.of(string(l.id)))
	}
	if count > 0 {
		b.app.Notef("%s submitted already\n", render.Count(int64(count), "line was", "lines were"))
	}
	if unknown > 0 {
		b.app.Notef("of %s it is not known whether the ID was submitted before: no scheduler has said so in time\n", render.Count(int64(unknown), "line", "lines"))
	}
}

// look reads the log of each pool once for the tasks that were there before lines, and
// compares. Of what cannot be read in time it is only known that it is there.
func look(ctx context.Context, c *cli.Conn, lines []knownLine) {
	ctx, stop := context.WithTimeout(ctx, lookWithin)
	defer stop()
	pools := map[events.Pool][]*knownLine{}
	for i := range lines {
		l := &lines[i]
		l.found.Already = true
		pools[l.pool] = append(pools[l.pool], l)
	}
	for _, pool := range slices.Sorted(maps.Keys(pools)) {
		ids, byID := map[events.TaskID]bool{}, map[string][]*knownLine{}
		for _, l := range pools[pool] {
			ids[l.id], byID[string(l.id)] = true, append(byID[string(l.id)], l)
		}
		checks := request.New(nil)
		compare := func(m *events.TaskAccepted) {
			for _, l := range byID[m.Task.GetId()] {
				if m.Task.GetPool() == string(l.pool) {
					l.compare(checks, m.Task)
				}
			}
		}
		listings, err := c.Tasks(ctx, query.TaskQuery{Pool: pool, IDs: ids, Accepted: compare})
		if err != nil {
			continue
		}
		for _, listing := range listings {
			for _, t := range listing.Tasks {
				for _, l := range byID[t.ID] {
					l.found.state = client.State(t.State)
				}
			}
		}
	}
}

// compare notes in what a line is not the request that was accepted.
func (l *knownLine) compare(checks *request.Checker, accepted *events.Task) {
	l.found.known = true
	if l.asked == nil {
		return
	}
	if asked, err := checks.Check(l.asked); err == nil { // It was checked before it was sent.
		l.found.Differs = request.Differences(accepted, asked)
	}
}
