package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/queue"
)

// checkSpace refuses the rules of a queue whose IDs are of a space that does not exist. If
// that cannot be found out it is said.
func checkSpace(ctx context.Context, a *cli.App, c *cluster.Cluster, name string, rules queue.Rules) error {
	if rules.IDs != events.QueueIDs_QUEUE_IDS_SPACE || rules.Space == "" {
		return nil
	}
	_, err := spaceOf(ctx, a, c, rules.Space)
	var refused *client.Refused
	switch {
	case errors.As(err, &refused) && refused.Code == events.CodeUnknownSpace:
		return &queue.Refused{Queue: name, What: "create", Code: events.CodeUnknownSpace, Detail: fmt.Sprintf("there is no space %.99q", rules.Space)}
	case ctx.Err() != nil:
		return err
	case err != nil:
		a.Notef("whether there is a space %.99q is not known: %v\n", rules.Space, err)
	}
	return nil
}

// spaceOf is a space as its log says.
func spaceOf(ctx context.Context, a *cli.App, c *cluster.Cluster, name string) (*query.Space, error) {
	n, err := c.Kafka().Partitions(ctx, events.Topics{Prefix: a.Prefix}.IDEvents())
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, &client.Refused{Code: events.CodeUnknownSpace, Message: "no space was ever declared: spanway id create makes one"}
	}
	q := query.New(query.Config{Logs: c, Prefix: a.Prefix, Encoder: events.Encoder{Source: a.Source()}, Board: c.Kafka().Board()})
	return q.Space(ctx, name)
}

// atOnce is how many numbers are taken at once at most, if the space allows it.
const atOnce = 256

// numbers makes the IDs of a queue that takes them from a space. Ranges are taken when the
// first ID is asked for. It is for one goroutine.
type numbers struct {
	one     bool // number is needed, and no more
	app     *cli.App
	cluster *cluster.Cluster
	queue   string
	space   string

	client    *ids.Client
	generator *ids.Generator
}

// numbersFor are those of a queue; nil if its IDs are made otherwise.
func numbersFor(ctx context.Context, a *cli.App, c *cluster.Cluster, q *queue.Queue) (*numbers, error) {
	i, err := q.Info(ctx, false)
	if err != nil || i.Rules.IDs != events.QueueIDs_QUEUE_IDS_SPACE {
		return nil, err
	}
	return &numbers{app: a, cluster: c, queue: q.Name(), space: i.Rules.Space}, nil
}

func (n *numbers) next(ctx context.Context) (id string, err error) {
	if n.generator == nil {
		err = n.begin(ctx)
	}
	switch {
	case err != nil:
	case n.one:
		var g ids.Grant
		g, err = n.client.Grant(ctx, ids.Want{Space: n.space, Owner: cli.Instance()})
		id = strconv.FormatInt(g.From, 10)
	default:
		id, err = n.generator.NewID(ctx)
	}
	var refused *ids.Refused
	var unknown *client.Refused
	switch {
	case errors.As(err, &refused):
		err = &queue.Refused{Queue: n.queue, What: "take IDs", Code: refused.Code, Detail: refused.Text}
	case errors.As(err, &unknown):
		err = &queue.Refused{Queue: n.queue, What: "take IDs", Code: unknown.Code, Detail: fmt.Sprintf("there is no space %.99q", n.space)}
	}
	return id, err
}

func (n *numbers) begin(ctx context.Context) error {
	space, err := spaceOf(ctx, n.app, n.cluster, n.space)
	if err != nil {
		return err
	}
	if n.client == nil {
		if n.client, err = ids.New(ids.Config{Cluster: n.cluster, Prefix: n.app.Prefix, Source: n.app.Source()}); err != nil {
			return err
		}
	}
	if n.one {
		return nil
	}
	n.generator, err = n.client.NewGenerator(ids.GeneratorConfig{Space: n.space, Owner: cli.Instance(), Count: min(atOnce, max(1, space.MaxCount))})
	return err
}

// close returns what is left.
func (n *numbers) close() error {
	if n == nil || n.client == nil {
		return nil
	}
	defer n.client.Close()
	if n.generator == nil {
		return nil
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := n.generator.Close(ctx); err != nil {
		return fmt.Errorf("return the IDs that are left to space %q (spanway id show %s says which %s holds): %w", n.space, n.space, cli.Instance(), err)
	}
	return nil
}
