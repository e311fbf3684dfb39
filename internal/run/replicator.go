package run

import (
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/services/replicator"
)

// addReplicators adds a replicator to each of several sites, which links may have copy from
// all others.
func (s *System) addReplicators(topics []*part) {
	if len(s.sites) < 2 {
		return
	}
	for _, x := range s.sites {
		s.addKept(x, "replicator", func() (service, error) { return x.newReplicator(s.sites) }, topics...)
	}
}

func (x *site) newReplicator(all []*site) (service, error) {
	conf := replicator.DefaultConfig()
	conf.Prefix, conf.Site, conf.Instance, conf.JSON = x.cfg.Prefix, x.name, "dev", x.cfg.JSON
	conf.Logs = x.cfg.Logs.Snapshots()
	meter, err := x.meter()
	if err != nil {
		return nil, err
	}
	sources := map[string]*cluster.Cluster{}
	for _, other := range all {
		sources[other.name] = other.cluster
	}
	return replicator.New(conf, replicator.Deps{Cluster: x.cluster, Sources: sources, Logger: x.log, Meter: meter})
}
