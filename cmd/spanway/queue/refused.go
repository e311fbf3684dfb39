package queue

import (
	"errors"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// refusedView is a refusal as -o json prints it; the names are stable.
type refusedView struct {
	Queue string      `json:"queue"`
	Code  events.Code `json:"code"`
	ID    string      `json:"id,omitempty"` // of the entry that was asked for
	// Text is what a person is told.
	Text string `json:"text"`
	// File and Line are where an entry that was refused comes from.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Entry is the one that is in the way.
	Entry *entryView `json:"entry,omitempty"`
	// Of is what the queue is a copy of.
	Of *copyView `json:"of,omitempty"`
	*heldView
}

type copyView struct {
	Cluster   string `json:"cluster"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

// heldView is what a queue holds that was not deleted for it.
type heldView struct {
	Deleted     bool         `json:"deleted"`
	Entries     int          `json:"entries"`
	Claimed     int          `json:"claimed"`
	Holders     []holderView `json:"holders"`
	HoldersMore int          `json:"holders_more"`
}

type holderView struct {
	Holder  string    `json:"holder"`
	Entries int       `json:"entries"`
	First   entryView `json:"first"`
}

func viewRefusal(r *queue.Refused, from *origin) refusedView {
	v := refusedView{Queue: r.Queue, Code: r.Code, ID: r.ID, Text: r.Error()}
	if from != nil {
		v.File, v.Line = from.file, from.line
	}
	if r.Entry != nil {
		e := viewEntry(*r.Entry, r.Creation)
		v.Entry = &e
	}
	if r.Of != nil {
		v.Of = &copyView{r.Of.Cluster, r.Of.Topic, r.Of.Partition}
	}
	if h := r.Held; h != nil {
		v.heldView = &heldView{Entries: h.Entries, Claimed: h.Claimed, Holders: []holderView{}, HoldersMore: h.More}
		for _, by := range h.Holders {
			v.Holders = append(v.Holders, holderView{by.Name, by.Entries, viewEntry(by.First, r.Creation)})
		}
	}
	return v
}

// printRefusals prints, with -o json, each refusal that an error is made of, as an object, and
// returns the error.
func printRefusals(a *cli.App, err error) error {
	var all interface{ Unwrap() []error }
	var refused *queue.Refused
	switch {
	case !a.JSON():
	case errors.As(err, &all):
		for _, one := range all.Unwrap() {
			_ = printRefusals(a, one) // They are all of err.
		}
	case errors.As(err, &refused):
		_ = a.Object(viewRefusal(refused, nil)) // The output remembers its first error.
	}
	return err
}
