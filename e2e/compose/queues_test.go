//go:build compose

package compose

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// orders is the queue of each site. Only commands use it, so that nobody but `serve queues`
// ends its leases.
const orders = "orders"

// entry is what enqueue, claim and list say of one.
type entry struct {
	ID    string
	Token string
	Claim *struct{}
}

// entries runs a command on the queue of a site that prints entries.
func entries(site string, limit time.Duration, args ...string) ([]entry, error) {
	out, err := run(limit, root+"/bin/spanway", append([]string{"--site", site, "-o", "json", "queue"}, args...)...)
	if err != nil {
		return nil, err
	}
	var all []entry
	for answers := json.NewDecoder(strings.NewReader(out)); answers.More(); {
		var e entry
		if err := answers.Decode(&e); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// queuesKept claims the one entry of a queue at each site for a second, and waits for it again:
// it is free once that is over, which the service says.
func (s stack) queuesKept() {
	for _, site := range sites {
		s.at(site, 30*second, "queue", "create", orders)
		s.at(site, 30*second, "queue", "create", "kept")
		s.at(site, 30*second, "queue", "enqueue", "kept", "--id", "x", "--payload", "x")
		for _, wait := range []string{"--wait=false", "--wait"} {
			if got, err := entries(site, 30*second, "claim", "kept", "--lease", "1s", wait); err != nil || len(got) != 1 {
				s.Fatalf("claim %s at %s: %+v, %v", wait, site, got, err)
			}
		}
		s.at(site, 30*second, "queue", "delete", "kept", "--force")
	}
}

// queued is what was acknowledged of the queue of a site.
type queued struct {
	entries, done []string
	unsure        []string // These were not acknowledged as done, and may be.
}

// work puts an entry in and claims the first that is free, for a second. Of those every
// other one is done, the others are free again once their lease has ended.
func (q *queued) work(ctx context.Context, site string) {
	if put, err := entries(site, 20*second, "enqueue", orders, "--payload", "x"); err == nil && len(put) == 1 {
		q.entries = append(q.entries, put[0].ID)
	}
	got, err := entries(site, 20*second, "claim", orders, "--lease", "1s")
	if err != nil || len(got) != 1 || len(q.entries)%2 == 0 || ctx.Err() != nil {
		return
	}
	if _, err := entries(site, 20*second, "done", orders, got[0].ID, "--token", got[0].Token); err != nil {
		q.unsure = append(q.unsure, got[0].ID)
		return
	}
	q.done = append(q.done, got[0].ID)
}

// judge waits until no lease is left. What was put in is there, unless it is done, and that
// is each once.
func (q *queued) judge(s stack, site string) {
	s.Helper()
	left := await(s.T, time.Minute, "leases of the queue of "+site+" to end", func() ([]entry, error) { return entries(site, 20*second, "list", orders) },
		func(left []entry) bool {
			return !slices.ContainsFunc(left, func(e entry) bool { return e.Claim != nil })
		})
	there := map[string]bool{}
	for _, e := range left {
		there[e.ID] = true
	}
	for _, id := range q.entries {
		if done := slices.Contains(q.done, id); there[id] == done && !slices.Contains(q.unsure, id) {
			s.Errorf("entry %s of %s is in the queue: %v; it is done: %v", id, site, there[id], done)
		}
	}
	slices.Sort(q.done)
	if once := slices.Compact(slices.Clone(q.done)); len(once) != len(q.done) {
		s.Errorf("%d entries of %s were done %d times", len(once), site, len(q.done))
	}
	s.Logf("%d entries at %s, %d done, %d nobody knows", len(q.entries), site, len(q.done), len(q.unsure))
	if len(q.entries) == 0 || len(q.done) == 0 {
		s.Errorf("the queue of %s was not used under load", site)
	}
}
