package id

import (
	"errors"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
)

// refusal is a command that was refused, as -o json prints it; the names are stable.
type refusal struct {
	Space string `json:"space"`
	// RequestID is absent of what asks for nothing.
	RequestID string      `json:"request_id,omitempty"`
	Code      events.Code `json:"code"`
	Text      string      `json:"text"`
	// Room is what the space has, of EXHAUSTED.
	Room *room `json:"room,omitempty"`
	// Ended is the offset of the record by which the grant ended, of GRANT_ENDED, and EndedAt
	// when it was written, if the log still holds it.
	Ended   int64  `json:"ended,omitempty"`
	EndedAt string `json:"ended_at,omitempty"`
	*inTheWay
}

// inTheWay are the ranges for which a command was refused, of SPACE_HELD and RANGE_TAKEN.
type inTheWay struct {
	Held []rangeHeld `json:"held"`
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

type room struct {
	Size        int64 `json:"size"`
	Free        int64 `json:"free"`
	Live        int64 `json:"live"`
	Quarantined int64 `json:"quarantined"`
	LargestFree int64 `json:"largest_free"`
	Offset      int64 `json:"offset"`
}

// printRefusal prints, with -o json, why a command on a space was refused.
func printRefusal(a *cli.App, space string, err error) error {
	if v, refused := refusalOf(space, err); a.JSON() && refused {
		return a.Object(v)
	}
	return nil
}

func refusalOf(space string, err error) (refusal, bool) {
	var byLog *ids.Refused
	var byQuery *client.Refused
	var copied *eventlog.ReadOnlyError
	switch {
	case errors.As(err, &byLog):
		return refusalBy(byLog), true
	case errors.As(err, &byQuery):
		return refusal{Space: space, Code: byQuery.Code, Text: byQuery.Message}, true
	case errors.As(err, &copied):
		return refusal{Space: space, Code: events.CodeReadOnlyMirror, Text: copied.Error()}, true
	}
	return refusal{}, false
}

func refusalBy(r *ids.Refused) refusal {
	v := refusal{Space: r.Space, RequestID: r.RequestID, Code: r.Code, Text: r.Text, Ended: r.Ended, EndedAt: stamp(r.EndedAt)}
	if r.Room != nil {
		v.Room = &room{r.Room.Size, r.Room.Free, r.Room.Live, r.Room.Quarantined, r.Room.LargestFree, r.Room.Offset}
	}
	if len(r.Held) == 0 && r.HeldMore == 0 {
		return v
	}
	v.inTheWay = &inTheWay{Held: []rangeHeld{}, HeldMore: r.HeldMore}
	for _, h := range r.Held {
		v.Held = append(v.Held, rangeHeld{h.From, h.To, h.Owner, h.RequestId, h.Resting})
	}
	return v
}
