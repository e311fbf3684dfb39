package id

import (
	"fmt"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/ids"
)

// grantView is a grant as -o json prints it; the names are stable.
type grantView struct {
	Space     string `json:"space"`
	RequestID string `json:"request_id"`
	Owner     string `json:"owner"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
	// Generation is how often the range, or a part of it, was granted before.
	Generation int64 `json:"generation"`
	// Released is how many of its identifiers were released since.
	Released int64 `json:"released"`
	// Offset is where the grant stands in the log.
	Offset int64 `json:"offset"`
	// Until is when its lease ends; absent if there is none, or if that is not known.
	Until string `json:"until,omitempty"`
}

func printGrant(a *cli.App, g ids.Grant) error {
	if a.JSON() {
		return a.Object(grantView{
			Space: g.Space, RequestID: g.RequestID, Owner: g.Owner, From: g.From, To: g.To,
			Generation: g.Generation, Released: g.Released, Offset: g.Offset, Until: stamp(g.Until),
		})
	}
	released := ""
	if g.Released > 0 {
		released = fmt.Sprintf("  %d of them are released", g.Released)
	}
	return a.Printf("%d-%d  %s%s%s\n", g.From, g.To, g.RequestID, until(stamp(g.Until)), released)
}

// renewedView is a grant that was renewed.
type renewedView struct {
	Space     string `json:"space"`
	RequestID string `json:"request_id"`
	// Until is when its lease ends; absent if it has none any more.
	Until string `json:"until,omitempty"`
}

func printRenewed(a *cli.App, g ids.Grant, lease time.Duration) error {
	switch {
	case a.JSON():
		return a.Object(renewedView{g.Space, g.RequestID, stamp(g.Until)})
	case lease == 0:
		return a.Printf("%s has no lease any more: it is held until it is released\n", g.RequestID)
	}
	return a.Printf("%s is renewed%s\n", g.RequestID, until(stamp(g.Until)))
}

// stamp is a time as all output shows it; empty if there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return cli.Stamp(t.UnixMilli())
}

// until is the end of a lease for people.
func until(stamp string) string {
	if stamp == "" {
		return ""
	}
	return "  until " + stamp
}
