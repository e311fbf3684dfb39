package replicator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/selection"
)

// view is what is known of a cluster: its topics, and the settings of those that are
// wanted. It is safe for concurrent use.
type view struct {
	name     string
	cluster  *cluster.Cluster
	discover time.Duration
	linger   time.Duration
	follow   time.Duration
	changed  func()
	asks     bool                              // whether the cluster answers, also while nothing is copied
	misread  func(replication.BadAnnouncement) // is told of each, once
	badNext  int64                             // those below were told of; of the goroutine that watches applications

	poked chan struct{} // holds one if a look is due at once
	asked time.Time     // when the cluster answered; of the goroutine that looks

	mu           sync.Mutex
	id           string
	trouble      string // why the cluster does not answer
	rejected     bool   // for a side refuses the other
	back         bool   // it did not, and does now
	topics       map[string]*seen
	wanted       map[string]bool
	applications []selection.Application
	bad          []selection.BadAnnouncement
}

// seen is a topic as it was seen last.
type seen struct {
	info     kafka.TopicInfo
	at       time.Time
	settings map[string]string // nil while they are not known
	copied   bool              // see selection.Topic.Copied
	read     time.Time         // when settings were
	doubted  time.Time         // when a broker said that it has no such topic
}

const (
	// lookTimeout bounds a look at a cluster.
	lookTimeout = 3 * time.Second
	// silence is how long a cluster may take to answer a request until it counts as away.
	silence = 1500 * time.Millisecond
	// askEvery is how often a source is asked whether it answers.
	askEvery = 500 * time.Millisecond
	// linger is how long a topic that is not told of any more counts as there: one whose
	// leader moves may be missing for a moment.
	linger = 5 * time.Second
	// doubtful is how long it counts as there if a broker says that it has no such topic, and
	// doubtLasts for how long that is remembered.
	doubtful, doubtLasts = time.Second, 10 * time.Second
)

func newView(name string, c *cluster.Cluster, cfg *Config, changed func()) *view {
	return &view{
		name: name, cluster: c, discover: cfg.Discover, linger: linger, follow: cfg.Follow, changed: changed,
		poked: make(chan struct{}, 1), topics: map[string]*seen{}, wanted: map[string]bool{},
	}
}

// run looks at the cluster again and again until ctx ends.
func (v *view) run(ctx context.Context) {
	try := v.cluster.Kafka().Board().New("look for topics of cluster " + v.name)
	defer try.End()
	for ctx.Err() == nil {
		err := v.look(ctx)
		if ctx.Err() != nil {
			return
		}
		if v.note(err) {
			v.changed()
		}
		if err != nil {
			try.Again(ctx, err, v.discover)
			continue
		}
		try.Passed()
		select {
		case <-v.poked:
		case <-time.After(v.discover):
		case <-ctx.Done():
		}
	}
}

// poke has the cluster looked at at once.
func (v *view) poke() {
	select {
	case v.poked <- struct{}{}:
	default:
	}
}

// note notes whether the cluster answered: true if that is news.
func (v *view) note(err error) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.noted(err)
}

// noted is note; v.mu is held.
func (v *view) noted(err error) bool {
	before, was := v.trouble, v.rejected
	v.trouble, v.rejected = "", false
	v.back = v.back || before != "" && err == nil
	if err != nil {
		var rejected *cluster.Rejected
		v.trouble, v.rejected = err.Error(), errors.As(err, &rejected)
	}
	return (before == "") != (err == nil) || v.rejected != was
}

// listen notes that the cluster is away if it has not answered after a while: a request is
// tried again for longer than that. Call what it returns when there is an answer.
func (v *view) listen() (answered func()) {
	done := false // under v.mu
	timer := time.AfterFunc(silence, func() {
		why := v.cluster.Trouble()
		if why == nil {
			why = errors.New("the connection, or the answer, takes longer")
		}
		v.mu.Lock()
		news := !done && v.noted(fmt.Errorf("%s has not answered for %v: %w", strings.Join(v.cluster.Brokers(), ","), silence, why))
		v.mu.Unlock()
		if news {
			v.changed()
		}
	})
	return func() {
		timer.Stop()
		v.mu.Lock()
		done = true
		v.mu.Unlock()
	}
}

// look asks what the cluster has, and reads the settings that are due.
func (v *view) look(ctx context.Context) error {
	if err := v.ask(ctx); err != nil {
		return err
	}
	return v.readSettings(ctx)
}

// ask asks what the cluster has, and whether it answers.
func (v *view) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	answered := v.listen()
	info, err := v.cluster.Kafka().Describe(ctx)
	answered()
	if err != nil {
		return err
	}
	now := time.Now()
	v.keep(v.cluster.Kafka().Hidden(ctx, v.missing(&info, now)), now)
	if v.see(&info, now) {
		v.changed()
	}
	if v.asks && time.Since(v.asked) >= askEvery {
		answered = v.listen()
		err := v.cluster.Kafka().Answers(ctx)
		if answered(); err != nil {
			return err
		}
		v.asked = time.Now()
	}
	return nil
}

// readSettings reads the settings that are due: of many topics that may take longer than a
// cluster that is there takes to answer.
func (v *view) readSettings(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	due, began := v.unsettled(time.Now()), time.Now()
	settings, err := v.cluster.Kafka().TopicSettings(ctx, due)
	if cluster.IsDenied(err) && v.settle(due, nil, began) {
		v.changed() // They are copied as if they had no settings.
	}
	if err != nil {
		return fmt.Errorf("settings of topics are not followed: %w", err)
	}
	if v.settle(due, settings, began) {
		v.changed()
	}
	return nil
}

// see notes the topics: true if that is news.
func (v *view) see(info *kafka.ClusterInfo, now time.Time) (news bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	news, v.id = v.id != info.ID, info.ID
	for _, t := range info.Topics {
		before := v.topics[t.Name]
		if before == nil {
			before = &seen{}
			v.topics[t.Name] = before
		}
		news = news || before.info != t
		before.info, before.at = t, now
	}
	for name, t := range v.topics {
		if t.gone(now, v.linger) {
			delete(v.topics, name)
			news = true
		}
	}
	return news
}

// gone says that a topic that is missing counts as deleted.
func (t *seen) gone(now time.Time, linger time.Duration) bool {
	missing := now.Sub(t.at)
	return missing > linger || missing > doubtful && now.Sub(t.doubted) < doubtLasts
}

// missing are the topics that count as deleted, unless their brokers hide them.
func (v *view) missing(info *kafka.ClusterInfo, now time.Time) (names []string) {
	there := map[string]bool{}
	for i := range info.Topics {
		there[info.Topics[i].Name] = true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, t := range v.topics {
		if !there[name] && t.gone(now, v.linger) {
			names = append(names, name)
		}
	}
	return names
}

// keep keeps topics that are hidden: a right is missing, which what copies them tells.
func (v *view) keep(hidden map[string]error, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name := range hidden {
		if t := v.topics[name]; t != nil {
			t.at = now
		}
	}
}

// doubt notes that a broker said that it has no such topic.
func (v *view) doubt(topic string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t := v.topics[topic]; t != nil {
		t.doubted = time.Now()
	}
}

// want says whose settings are needed.
func (v *view) want(topics []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.wanted)
	for _, name := range topics {
		v.wanted[name] = true
		if t := v.topics[name]; t != nil && t.settings == nil {
			v.poke()
		}
	}
}

// unsettled are the topics whose settings are to be read.
func (v *view) unsettled(now time.Time) (topics []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name := range v.wanted {
		if t := v.topics[name]; t != nil && (t.settings == nil || now.Sub(t.read) > v.follow) {
			topics = append(topics, name)
		}
	}
	slices.Sort(topics)
	return topics
}

// settle notes settings that were read; none if they cannot be: true if that is news.
func (v *view) settle(topics []string, settings map[string]kafka.TopicSettings, now time.Time) (news bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, name := range topics {
		of, told := settings[name]
		t := v.topics[name]
		if t == nil || !told && settings != nil {
			continue // It is gone.
		}
		if !told {
			of.Applied = map[string]string{}
		}
		copied := !told || selection.Copied(of.Own)
		news = news || t.settings == nil || copied != t.copied || !maps.Equal(t.settings, of.Applied)
		t.settings, t.copied, t.read = of.Applied, copied, now
	}
	return news
}

// stale has the settings of a topic, which was changed, read again.
func (v *view) stale(topic string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t := v.topics[topic]; t != nil {
		t.read = time.Time{}
	}
	v.poke()
}

// readSince tells whether the settings of a topic were read since then, or it is gone.
func (v *view) readSince(topic string, then time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.topics[topic]
	return t == nil || t.read.After(then)
}

// announced notes the applications: none is something else than not known.
func (v *view) announced(all []selection.Application, of replication.Announced) {
	if all == nil {
		all = []selection.Application{}
	}
	v.mu.Lock()
	v.applications, v.bad = all, nil
	for _, b := range of.Bad {
		v.bad = append(v.bad, selection.BadAnnouncement{Key: b.Key, Offset: b.Offset, Why: b.Why.Error()})
	}
	v.mu.Unlock()
	for _, b := range of.BadSince { // Where the log is read anew they come again.
		if b.Offset >= v.badNext && v.misread != nil {
			v.badNext = b.Offset + 1
			v.misread(b)
		}
	}
	v.changed()
}

// known are the topics that are, as far as they are known.
func (v *view) known() (id string, topics []selection.Topic) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(v.topics)) {
		t := v.topics[name]
		topics = append(topics, selection.Topic{Name: name, Partitions: t.info.Partitions, Internal: t.info.Internal, Settings: t.settings, Copied: t.copied})
	}
	return v.id, topics
}

// away says that the cluster does not answer.
func (v *view) away() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.trouble != ""
}

// returned says, once, that the cluster answers again.
func (v *view) returned() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	back := v.back
	v.back = false
	return back
}

// source is the cluster as one that is copied from.
func (v *view) source() selection.Source {
	id, topics := v.known()
	lacking := ""
	if err := v.cluster.Trouble(); cluster.IsDenied(err) {
		lacking = err.Error()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return selection.Source{Cluster: id, Trouble: v.trouble, Rejected: v.rejected, Lacking: lacking, Topics: topics, Applications: v.applications, Bad: v.bad}
}
