package link

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/failover"
)

const (
	// reportWait bounds how long a command waits for the first reports of a link: one that
	// was just declared has none for some seconds.
	reportWait = 15 * time.Second
	// reportEvery is how often it looks.
	reportEvery = 500 * time.Millisecond
)

// awaitReports reads how links stand until all copies of one are reported, or nothing more
// is to be waited for; it tells once what it waits for. wait bounds that.
func awaitReports(ctx context.Context, a *cli.App, link string, wait time.Duration, read func(context.Context) (replication.Status, error)) (replication.Status, error) {
	until := time.Now().Add(wait)
	for told := ""; ; {
		status, err := read(ctx)
		missing := unreported(link, &status, time.Now().UnixMilli())
		if err != nil || missing == "" || time.Now().After(until) {
			return status, err
		}
		if missing != told {
			a.Notef("waiting, for at most %s: %s\n", wait, missing)
			told = missing
		}
		if !trouble.Pause(ctx, reportEvery) {
			return status, ctx.Err()
		}
	}
}

// unreported is what is yet to be reported of the copies of a link; empty if that is nothing.
func unreported(link string, status *replication.Status, now int64) string {
	copies, shares, wanted := 0, 0, 0
	for _, m := range status.Copies {
		if m.Link == link && m.State != sourceDeleted {
			copies++
		}
	}
	for _, m := range status.Shares {
		if m.Link != link || now-m.AtMs > fresh.Milliseconds() {
			continue
		}
		if len(m.Problems) > 0 || m.State == "failed" {
			return "" // They may be for good.
		}
		shares, wanted = shares+1, wanted+int(m.Copies)
	}
	switch {
	case shares == 0 && copies == 0:
		return fmt.Sprintf("no replicator of this site has reported of link %s yet", link)
	case shares > 0 && copies == 0 && failover.AllDeleted(link, status, time.UnixMilli(now)):
		return ""
	case shares > 0 && copies == 0:
		return fmt.Sprintf("no topic that link %s chooses is copied yet", link)
	case copies < wanted:
		return fmt.Sprintf("%d of %d partitions of link %s are reported", copies, wanted, link)
	}
	return ""
}
