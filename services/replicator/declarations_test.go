package replicator

import (
	"context"
	"slices"
	"sync"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/selection"
)

// declarations are links in memory.
type declarations struct {
	mu           sync.Mutex
	linked       []links.Link
	groups       []links.Group
	applications []selection.Application
	bad          replication.Announced
	changed      chan struct{}
}

// declare changes what is declared.
func (d *declarations) declare(change func(*declarations)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.linked, d.groups = slices.Clone(d.linked), slices.Clone(d.groups)
	change(d)
	if d.changed != nil {
		close(d.changed)
	}
	d.changed = make(chan struct{})
}

// link declares a link, or changes it.
func (d *declarations) link(spec links.Spec, change ...func(*links.Link)) {
	d.declare(func(d *declarations) {
		l := links.Link{Spec: spec, Since: int64(len(d.linked) + 1)}
		for _, f := range change {
			f(&l)
		}
		if i := slices.IndexFunc(d.linked, func(other links.Link) bool { return other.Name == l.Name }); i >= 0 {
			l.Since = d.linked[i].Since
			d.linked[i] = l
			return
		}
		d.linked = append(d.linked, l)
	})
}

func (d *declarations) follow(ctx context.Context, changed func()) {
	for ctx.Err() == nil {
		d.mu.Lock()
		if d.changed == nil {
			d.changed = make(chan struct{})
		}
		next := d.changed
		d.mu.Unlock()
		changed()
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

// Watch implements Links.
func (d *declarations) Watch(ctx context.Context, changed func([]links.Link, []links.Group)) error {
	d.follow(ctx, func() {
		d.mu.Lock()
		all, groups := d.linked, d.groups
		d.mu.Unlock()
		changed(all, groups)
	})
	return nil
}

// Applications implements Links.
func (d *declarations) Applications(ctx context.Context, _ *cluster.Cluster, changed func([]selection.Application, replication.Announced)) {
	d.follow(ctx, func() {
		d.mu.Lock()
		all, bad := d.applications, d.bad
		d.mu.Unlock()
		changed(all, bad)
	})
}
