package replicator

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// connect makes what all copies share.
func (s *Service) connect() {
	api, source := s.deps.Cluster.Kafka(), "/spanway/"+s.cfg.Site+"/replicator"
	s.keep = copying.NewCheckpoints(api, s.topics.ReplicationCheckpoints(), source, s.log)
	s.letters = copying.NewLetters(api, s.topics.DeadLetters(), source)
}

// sweepsAtOnce is how many copies compare keys at once, besides one of each link: each holds
// 4 MiB of them.
const sweepsAtOnce = 4

// shared is what bounds the copies of a link together with those of all others.
type shared struct{ room, turns *copying.Room }

// ofLink is what bounds the copies of a link. It is for the goroutine that plans.
func (s *Service) ofLink(name string) shared {
	of, ok := s.shares[name]
	if !ok {
		of = shared{s.all.room.OfLink(), s.all.turns.OfLink()}
		s.shares[name] = of
	}
	return of
}

// copier makes the copier of a job.
func (s *Service) copier(j job, limit *copying.Limiter) copier {
	from, of := j.Config.Source, s.ofLink(j.Link)
	c := copying.New(copying.Config{
		Copy: j.Config, ID: j.ID,
		Source:      copying.NewSource(j.source.cluster.Kafka(), from.Topic, from.Partition),
		Target:      s.targetOf(&j),
		Checkpoints: s.keep, Letters: s.letters, Board: s.deps.Cluster.Kafka().Board(), Logger: s.log,
		Bounds: copying.Bounds{Limit: limit, Room: of.room, Turns: of.turns, Admission: s.admitting.of(j.Link, j.ID)},
		Report: func(r copying.Report) { s.status.reported(j.ID, r) },
		Missing: func() {
			j.source.doubt(from.Topic)
			s.target.doubt(j.Config.Target.Topic)
		},
		Larger: func(ctx context.Context) { s.awaitSettings(ctx, &j) },
	})
	if t := s.status.topicOf(&j); t.ID != "" {
		c.Ended(t.Ended)
	}
	return c
}

// targetOf makes the target of a job: behind the broker's fence, unless its link goes without.
func (s *Service) targetOf(j *job) copying.Target {
	api, to := s.deps.Cluster.Kafka(), j.Config.Target
	if j.Unfenced {
		return copying.NewUnfencedTarget(api, to.Topic, to.Partition)
	}
	return copying.NewTarget(api, kafka.FenceConfig{
		ID: fence(s.cfg.Prefix, &j.Config), Topic: to.Topic, Partition: to.Partition, Shared: j.Config.Shared,
		NoTopic: func() { s.target.doubt(to.Topic) },
	}, batch.None)
}

// fence is the transactional ID that all writers of a target partition claim; where it is
// shared, all of one source.
func fence(prefix string, c *mirror.Config) string {
	id := fmt.Sprintf("%s%s/%d", events.Topics{Prefix: prefix}.Fences(), c.Target.Topic, c.Target.Partition)
	if c.Shared {
		id += "/" + c.Source.Cluster + "/" + c.Source.Topic
	}
	return id
}

const (
	// settingsWait bounds how long a copy waits for settings of its target.
	settingsWait = 10 * time.Second
	// settingsEvery is how often it looks.
	settingsEvery = 20 * time.Millisecond
)

// awaitSettings waits until the settings of a copy's target follow those that its source has
// now. If that changes what the target takes the copy begins anew, and ctx ends.
func (s *Service) awaitSettings(ctx context.Context, j *job) {
	ctx, cancel := context.WithTimeout(ctx, settingsWait)
	defer cancel()
	from, to := j.Config.Source.Topic, j.Config.Target.Topic
	began := time.Now()
	for asked := false; trouble.Pause(ctx, settingsEvery); {
		switch there, here := j.source.readSince(from, began), s.target.readSince(to, began); {
		case asked:
		case !there:
			j.source.stale(from)
			continue
		case !here:
			s.target.stale(to)
			continue
		default:
			began, asked = time.Now(), true
			s.poke()
		}
		if s.planned.Load() > began.UnixNano() && !s.changes.underWay(to) {
			return
		}
	}
}
