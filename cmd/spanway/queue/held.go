package queue

import (
	"errors"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// heldView is a queue that was not deleted, as -o json prints it; the names are stable.
type heldView struct {
	Queue       string       `json:"queue"`
	Deleted     bool         `json:"deleted"`
	Code        events.Code  `json:"code"`
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

// printHeld prints, with -o json, what holds a queue that was not deleted for it.
func printHeld(a *cli.App, err error) error {
	var refused *queue.Refused
	if !a.JSON() || !errors.As(err, &refused) || refused.Held == nil {
		return nil
	}
	h := refused.Held
	v := heldView{
		Queue: refused.Queue, Code: refused.Code, Entries: h.Entries, Claimed: h.Claimed,
		Holders: []holderView{}, HoldersMore: h.More,
	}
	for _, by := range h.Holders {
		v.Holders = append(v.Holders, holderView{by.Name, by.Entries, viewEntry(by.First)})
	}
	return a.Object(v)
}
