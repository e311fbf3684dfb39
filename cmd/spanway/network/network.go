package network

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/networks"
)

// Command is the noun network.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("network", "Logical networks over sites: declare them, and see how far each site is",
		apply(a), compare(a), get(a), list(a), show(a), why(a), history(a), withdraw(a), revert(a), promote(a), remaining(a))
}

// asked runs f with the log of a global manager. With -o json refusals are printed. What it asks for
// is in the trace of the caller.
func asked(ctx context.Context, a *cli.App, f func(ctx context.Context, at *cluster.Cluster, q *query.Querier) error) error {
	ctx, stop, err := a.Traced(ctx)
	if err != nil {
		return err
	}
	defer stop()
	return told(a, a.Asked(ctx, events.Topics{Prefix: a.Prefix}.NetworkChanges(), f))
}

func asking(a *cli.App, at *cluster.Cluster) (*networks.Client, error) {
	c, err := networks.New(networks.Config{Cluster: at, Prefix: a.Prefix, Source: a.Source()})
	if err != nil {
		return nil, cli.Misuse(err)
	}
	return c, nil
}

// mistake is one, as -o json prints it; the names are stable.
type mistake struct {
	// File, Line and Column are where it stands, from 1; absent of what is in no file.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Path of the object, and Field in it.
	Path  string      `json:"path,omitempty"`
	Field string      `json:"field,omitempty"`
	Code  events.Code `json:"code"`
	Text  string      `json:"text"`
}

// refused is what was refused as a whole.
type refused struct {
	what     string
	mistakes []mistake
	err      error
}

// ExitCode is that of a refusal.
func (e *refused) ExitCode() int { return cli.ExitRefused }

func (e *refused) Unwrap() error { return e.err }

// told prints, with -o json, each mistake of a refusal.
func told(a *cli.App, err error) error {
	if err == nil || !a.JSON() {
		return err
	}
	var whole *refused
	var byManager *networks.Refused
	var copied *eventlog.ReadOnlyError
	var unread *client.Refused
	var printed []mistake
	switch {
	case errors.As(err, &whole):
		printed = whole.mistakes
	case errors.As(err, &byManager):
		printed = mistakesOf(byManager)
	case errors.As(err, &unread):
		printed = []mistake{{Code: unread.Code, Text: unread.Message}}
	case errors.As(err, &copied):
		printed = []mistake{{Code: events.CodeReadOnlyMirror, Text: copied.Error()}}
	}
	for _, m := range printed {
		if e := a.Object(m); e != nil {
			return errors.Join(err, e)
		}
	}
	return err
}

// mistakesOf are those of a refusal that is about no file.
func mistakesOf(r *networks.Refused) (out []mistake) {
	for _, m := range r.Mistakes {
		out = append(out, mistake{Path: m.Path, Code: m.Code, Text: m.Message})
	}
	if len(out) == 0 {
		out = []mistake{{Code: r.Code, Text: r.Text}}
	}
	return out
}

// aPath refuses what is no path of an object.
func aPath(text string) error {
	if _, _, err := model.ParsePath(text); err != nil {
		return cli.Misuse(err)
	}
	return nil
}

// eachPath are the refusals of those that are no paths.
func eachPath(texts []string) (out []error) {
	for _, text := range texts {
		out = append(out, aPath(text))
	}
	return out
}
