// Two-sites is a shop whose orders are at two sites: it announces its topic as it starts, and
// runs at the site that is written to. README.md says how to run it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

const application, topic = "shop", "shop.orders"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "two-sites:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: two-sites take BROKER N | two-sites count BROKER N")

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 3 {
		return errUsage
	}
	n, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil || n < 1 {
		return errUsage
	}
	c, err := cluster.Open(cluster.Config{Brokers: []string{args[1]}})
	if err != nil {
		return err
	}
	defer c.Close()
	switch args[0] {
	case "take":
		return take(ctx, c, n, out)
	case "count":
		return count(ctx, c, n, out)
	}
	return errUsage
}

// take announces the shop, so that links which name it copy its topic, and takes n orders.
// Their numbers go on from those that are there, at whichever site they were taken.
func take(ctx context.Context, c *cluster.Cluster, n int64, out io.Writer) error {
	if _, err := c.Ensure(ctx, []events.TopicSpec{{Name: topic, Partitions: 1}}); err != nil {
		return err
	}
	if err := replication.Announce(ctx, c, replication.Options{}, replication.Application{Name: application, Topics: []string{topic}}); err != nil {
		return err
	}
	last, err := read(ctx, c, 0)
	if err != nil {
		return err
	}
	log := c.Partition(topic, 0)
	for i := last + 1; i <= last+n; i++ {
		r := events.Record{Key: []byte("order"), Value: strconv.AppendInt(nil, i, 10), Timestamp: time.Now().UnixMilli()}
		if _, err := log.Append(ctx, []events.Record{r}); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "took orders %d to %d\n", last+1, last+n)
	return err
}

// patience is how long count waits for the orders.
const patience = time.Minute

// count waits until there are n orders, and fails if one is missing, double or out of order.
func count(ctx context.Context, c *cluster.Cluster, n int64, out io.Writer) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if _, err := c.Ensure(ctx, []events.TopicSpec{{Name: topic, Partitions: 1}}); err != nil {
		return err
	}
	last, err := read(ctx, c, n)
	if err != nil {
		return err
	}
	if last != n {
		return fmt.Errorf("there are %d orders, not %d", last, n)
	}
	_, err = fmt.Fprintf(out, "orders 1 to %d, each once and in order\n", n)
	return err
}

// read reads all orders, and waits until there are so many. It returns the last number.
func read(ctx context.Context, c *cluster.Cluster, least int64) (last int64, err error) {
	log := c.Partition(topic, 0)
	for next := int64(0); ; {
		page, err := log.Fetch(ctx, next, 100*time.Millisecond)
		if err != nil {
			return last, fmt.Errorf("%d orders are there: %w", last, err)
		}
		for _, r := range page.Records {
			if string(r.Value) != strconv.FormatInt(last+1, 10) {
				return last, fmt.Errorf("order %s stands behind order %d", r.Value, last)
			}
			last++
		}
		if next = page.Next; next >= page.End && last >= least {
			return last, nil
		}
	}
}
