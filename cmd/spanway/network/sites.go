package network

import (
	"context"
	"fmt"
	"sync"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/events"
)

// reached is a site, as far as what its local manager says can be read.
type reached struct {
	at  *cli.Elsewhere
	log *query.SiteLog
	// now is what stands there; nil if that cannot be read, for err.
	now *query.SiteStands
	err error
}

// sites are those that are looked at.
type sites map[string]*reached

// reach connects to sites, and reads what stands there. That one cannot be reached is no error.
func reach(ctx context.Context, a *cli.App, names []string) (sites, error) {
	targets, err := a.SiteTargets()
	if err != nil {
		return nil, cli.Misuse(err)
	}
	all := sites{}
	var each sync.WaitGroup
	for _, name := range names {
		r := &reached{}
		all[name] = r
		at, known := targets[name]
		if !known {
			r.err = fmt.Errorf("nothing says where site %s is: name it in the configuration file (a context with site: %s)", name, name)
			continue
		}
		each.Go(func() {
			if r.at, r.err = a.Elsewhere(ctx, at, events.Topics.NetworkStatus); r.err == nil {
				r.log = r.at.SiteLog(name)
				r.read(ctx)
			}
		})
	}
	each.Wait()
	return all, nil
}

func (r *reached) read(ctx context.Context) {
	if r.log != nil {
		r.now, r.err = r.log.Read(ctx)
	}
}

// attempted says what the last attempt that has failed, of the task of a standing, ended with: the
// local manager hears only of the end of the task.
func (r *reached) attempted(ctx context.Context, v *standing) {
	if r.at == nil || v.Task == "" || v.State != realising && v.State != removing {
		return
	}
	_, of, err := r.at.Task(ctx, "", events.TaskID(v.Task))
	if err != nil {
		return // It is told by task show; here it is an addition.
	}
	for _, e := range of.History {
		if m, ok := e.Message.(*events.TaskAttemptFailed); ok {
			v.Attempt = fmt.Sprintf("attempt %d failed: %s: %s", m.Attempt, m.Error.GetCode(), m.Error.GetMessage())
		}
	}
}

// read reads what stands at the sites by now.
func (s sites) read(ctx context.Context) {
	var each sync.WaitGroup
	for _, r := range s {
		each.Go(func() { r.read(ctx) })
	}
	each.Wait()
}

func (s sites) close() {
	for _, r := range s {
		if r.at != nil {
			r.at.Close()
		}
	}
}
