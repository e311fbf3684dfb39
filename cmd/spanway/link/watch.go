package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
)

// picture is how often links are looked at.
const picture = time.Second

func watch(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "watch [NAME]",
		Short: "Follow how links stand: a live table on a terminal, else a line for each change",
		Args:  cli.AtMostOne("name of a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			w := &watching{app: a, told: map[string]string{}}
			if len(args) > 0 {
				w.name = args[0]
			}
			err := a.Answering(cmd.Context(), func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
				return openedOn(ctx, c, options(a, log, false), w.run)
			})
			if w.name != "" && errors.Is(err, replication.ErrNothingDeclared) {
				return unknown("watch", w.name)
			}
			return cmp.Or(err, cmd.Context().Err())
		},
	}
}

// watching is the state of watch.
type watching struct {
	app  *cli.App
	name string            // of the one link, or empty
	told map[string]string // what was printed of each link last

	read   sync.Once // the first status was
	mu     sync.Mutex
	status replication.Status
}

// awaitFirst waits until what replicators have reported was read, or was not for so long:
// without it every link would be said to be unattended at first.
func (w *watching) awaitFirst(ctx context.Context, first <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, 2*picture)
	defer cancel()
	select {
	case <-first:
	case <-ctx.Done():
	}
}

// run prints until it is stopped, or something fails. A name must be that of a link when it
// begins.
func (w *watching) run(until context.Context, c *cluster.Cluster, s *replication.Site) error {
	if state, err := s.State(until, true); err != nil {
		return err
	} else if _, there := state.Link(w.name); w.name != "" && !there {
		return unknown("watch", w.name)
	}
	ctx, cancel := context.WithCancel(until)
	defer cancel()
	ended, first := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- replication.WatchStatus(ctx, c, w.app.Prefix, func(status replication.Status) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.status = status
			w.read.Do(func() { close(first) })
			return nil
		})
		cancel()
	}()
	w.app.Watching()
	w.awaitFirst(ctx, first)
	err := w.look(ctx, s)
	for err == nil && trouble.Pause(ctx, picture) {
		err = w.look(ctx, s)
	}
	cancel()
	if _, live := w.app.Width(); live && !w.app.JSON() {
		err = cmp.Or(err, w.app.Printf("\n")) // The note of a live table ends without one.
	}
	switch failed := <-ended; {
	case until.Err() != nil:
		return nil
	case !errors.Is(failed, context.Canceled):
		return failed
	}
	return err
}

// look prints how the links stand, as far as that is news.
func (w *watching) look(ctx context.Context, s *replication.Site) error {
	state, err := s.State(ctx, false)
	if err != nil {
		return err
	}
	w.mu.Lock()
	all := viewLinks(state, &w.status)
	w.mu.Unlock()
	var views []linkView
	for _, v := range all {
		if w.name == "" || v.Name == w.name {
			views = append(views, v)
		}
	}
	if columns, lines, live := w.app.Size(); live && !w.app.JSON() {
		return w.app.Redraw(tableOf(views), "as of "+asOf(w.app, state.At), columns, lines)
	}
	return w.tell(views)
}

// tell prints a line for each link that stands otherwise than it was told.
func (w *watching) tell(views []linkView) error {
	there := map[string]bool{}
	for i := range views {
		v := &views[i]
		there[v.Name] = true
		lag := int64(-1)
		if v.Lag != nil {
			lag = *v.Lag
		}
		news := fmt.Sprint(v.progress(), v.Reason, v.Copies, lag, v.LastError, v.Revision, len(v.Problems))
		if w.told[v.Name] == news {
			continue
		}
		w.told[v.Name] = news
		if err := printChange(w.app, v); err != nil {
			return err
		}
	}
	for name := range w.told {
		if !there[name] {
			delete(w.told, name)
			if err := printChange(w.app, &linkView{Spec: replication.Spec{Name: name}, State: "deleted"}); err != nil {
				return err
			}
		}
	}
	return nil
}

func printChange(a *cli.App, v *linkView) error {
	if a.JSON() {
		return a.Object(v)
	}
	return a.Printf("%-24s  %-20s  %5d copies  lag %-16s  %s  %s\n", v.Name, v.progress(), v.Copies, v.lag(), cli.Dash(v.Reason), v.LastError)
}
