package replicator

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/selection"
)

// siteLinks are the links of the site's log, and what applications announce at sources.
type siteLinks struct {
	site    *cluster.Cluster
	options replication.Options
}

// Watch implements Links.
func (l *siteLinks) Watch(ctx context.Context, changed func([]links.Link, []links.Group)) error {
	var site *replication.Site
	err := l.site.Kafka().Board().Until(ctx, "open the links of the site", func() (err error) {
		site, err = replication.Open(ctx, l.site, l.options)
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = site.Close() }() // What ended it, Watch returns.
	return site.Watch(ctx, func(s replication.State) error {
		changed(s.Links, s.Groups)
		return nil
	})
}

// lookAgain is how long a source that tells no applications is left alone.
const lookAgain = time.Second

// Applications implements Links.
func (l *siteLinks) Applications(ctx context.Context, source *cluster.Cluster, changed func([]selection.Application, replication.Announced)) {
	try := source.Kafka().Board().New("look for applications at " + source.String())
	defer try.End()
	for ctx.Err() == nil {
		err := replication.WatchAnnounced(ctx, source, l.options.Prefix, func(all replication.Announced) error {
			try.Passed()
			changed(selected(all.Applications), all)
			return nil
		})
		if ctx.Err() == nil {
			try.Again(ctx, err, lookAgain)
		}
	}
}

func selected(all []replication.Application) (out []selection.Application) {
	for _, a := range all {
		out = append(out, selection.Application{Name: a.Name, Topics: a.Topics, Sites: a.Sites, Routed: a.Model == links.Routed, Header: a.Header})
	}
	return out
}
