package bench

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
)

// Linked is a mirror by links of a site, whose replicators run elsewhere.
type Linked struct {
	Site   *replication.Site
	Target *cluster.Cluster
	// Source is the cluster that is copied from, as the replicators name it. Prefix is that
	// of the topics of Spanway.
	Source, Prefix string
	// Used is what the replicators have used.
	Used func() (MirrorUsage, error)
}

// Copy declares a link, and deletes it when ctx ends.
func (l *Linked) Copy(ctx context.Context, prefix string) error {
	spec := replication.Spec{Name: strings.TrimSuffix(prefix, "."), Source: l.Source, Include: []string{regexp.QuoteMeta(prefix) + ".*"}}
	if _, err := l.Site.Apply(ctx, spec, replication.Absent); err != nil {
		return err
	}
	err := replication.WatchStatus(ctx, l.Target, l.Prefix, func(s replication.Status) error { return wrong(&s, spec.Name) })
	if ctx.Err() != nil {
		err = nil // It was to end.
	}
	return errors.Join(err, l.Site.Delete(context.WithoutCancel(ctx), spec.Name))
}

// wrong says why a link cannot copy.
func wrong(s *replication.Status, link string) error {
	for _, share := range s.Shares {
		if share.Link == link && (share.State == "failed" || share.Stopped+share.Failed+share.FailedTopics > 0) {
			return fmt.Errorf("the link is %s: %s %v %s", share.State, share.Reason, share.Problems, share.LastError)
		}
	}
	return nil
}

// Usage is that of the replicators.
func (l *Linked) Usage() (MirrorUsage, error) { return l.Used() }

// ThisProcess is what this process has used, for replicators that run in it.
func ThisProcess() (MirrorUsage, error) { return MirrorUsage{CPU: cpuTime()}, nil }
