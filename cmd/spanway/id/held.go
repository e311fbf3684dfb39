package id

import (
	"errors"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
)

// heldView is a command that was refused because identifiers are held, as -o json prints
// it; the names are stable.
type heldView struct {
	Space     string      `json:"space"`
	RequestID string      `json:"request_id"`
	Code      events.Code `json:"code"`
	Held      []rangeHeld `json:"held"`
	// HeldMore is how many identifiers more are.
	HeldMore int64 `json:"held_more"`
}

type rangeHeld struct {
	From      int64  `json:"from"`
	To        int64  `json:"to"`
	Owner     string `json:"owner"`
	RequestID string `json:"request_id"`
	Resting   bool   `json:"resting"`
}

// printHeld prints, with -o json, what holds the identifiers for which a command was refused.
func printHeld(a *cli.App, err error) error {
	var refused *ids.Refused
	if !a.JSON() || !errors.As(err, &refused) || len(refused.Held) == 0 && refused.HeldMore == 0 {
		return nil
	}
	v := heldView{Space: refused.Space, RequestID: refused.RequestID, Code: refused.Code, Held: []rangeHeld{}, HeldMore: refused.HeldMore}
	for _, h := range refused.Held {
		v.Held = append(v.Held, rangeHeld{h.From, h.To, h.Owner, h.RequestId, h.Resting})
	}
	return a.Object(v)
}
