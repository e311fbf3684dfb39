package link

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/failover"
)

// refusedView is a refusal as -o json prints it; the names are stable. What was meant is one
// of the first three.
type refusedView struct {
	Link        string      `json:"link,omitempty"`
	Group       string      `json:"group,omitempty"`
	Application string      `json:"application,omitempty"`
	Code        events.Code `json:"code"`
	// Text is what a person is told.
	Text string `json:"text"`
}

// meant is what an error is about, where the arguments of the command do not tell.
type meant struct {
	refusedView
	error
}

func (e *meant) Unwrap() error { return e.error }

func ofLink(name string) refusedView        { return refusedView{Link: name} }
func ofGroup(name string) refusedView       { return refusedView{Group: name} }
func ofApplication(name string) refusedView { return refusedView{Application: name} }

// refusing makes commands print, with -o json, why they were refused. Their first argument is
// what they are about, unless the error tells.
func refusing(a *cli.App, of func(name string) refusedView, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		run := c.RunE
		c.RunE = func(cmd *cobra.Command, args []string) error {
			err := run(cmd, args)
			if code := codeOf(err); code != "" && a.JSON() {
				_ = a.Object(viewRefusal(of, args, code, err)) // The output remembers its first error.
			}
			return err
		}
	}
	return commands
}

func viewRefusal(of func(name string) refusedView, args []string, code events.Code, err error) (v refusedView) {
	var about *meant
	switch {
	case errors.As(err, &about):
		v = about.refusedView
	case len(args) > 0:
		v = of(args[0])
	}
	v.Code, v.Text = code, err.Error()
	return v
}

// codeOf is the code of a refusal; empty if the error is none.
func codeOf(err error) events.Code {
	var over *failover.Error
	var byLog *replication.Refused
	var copied *eventlog.ReadOnlyError
	var failed *linkFailed
	switch {
	case errors.As(err, &over):
		return events.Code(over.Code)
	case errors.As(err, &byLog):
		return byLog.Code
	case errors.As(err, &copied):
		return events.CodeReadOnlyMirror
	case errors.As(err, &failed):
		return "LINK_FAILED"
	}
	return ""
}
