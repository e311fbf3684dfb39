package placement

import (
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
)

// Config is what a State needs to know. The zero value of a field means its default.
type Config struct {
	Topics    events.Topics
	Partition int32
	// WaitingLimit bounds the waiting tasks of a pool; 2,000,000 by default.
	WaitingLimit int
	// TTL is how long an engine may be silent; 5s by default.
	TTL time.Duration
	// Predicates is shared with the Preparer; its own by default.
	Predicates *predicate.Cache
	// KeepEnded is how many ended tasks stay whole, for retries by hand and for
	// showing; 10,000 by default. Their payloads stay in the log.
	KeepEnded int
	// PayloadBytes bounds the payloads that are held in memory, besides in the
	// log; 256 MiB by default.
	PayloadBytes int
	// KeepSucceeded keeps as many of those that succeeded too, with their results.
	// They are for showing: no part of a snapshot, nor of the hash.
	KeepSucceeded bool
	// EndedWindow is how many ended tasks are remembered by ID; 4,000,000 by default.
	EndedWindow int
	// FoldVersion is the highest fold version that this host raises the log to, as far as
	// the log needs it; NewestFoldVersion by default and at most.
	FoldVersion uint32
}

func (c *Config) defaults() {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.WaitingLimit, 2_000_000)
	set(&c.KeepEnded, 10_000)
	set(&c.PayloadBytes, 256<<20)
	set(&c.EndedWindow, 4_000_000)
	if c.TTL == 0 {
		c.TTL = 5 * time.Second
	}
	if c.FoldVersion == 0 || c.FoldVersion > NewestFoldVersion {
		c.FoldVersion = NewestFoldVersion
	}
	if c.Topics.Prefix == "" {
		c.Topics.Prefix = events.DefaultPrefix
	}
	if c.Predicates == nil {
		c.Predicates = predicate.NewCache(0)
	}
}

// State is the fold of one partition of the tasks' events, and decides on it.
// It is not safe for concurrent use.
type State struct {
	cfg   Config
	pools map[events.Pool]*pool
	// order is that of the pools' first appearance.
	order []*pool
	ended window
	kept  keeper
	// next is the offset after the last event folded: the view of a decision.
	next int64
	// newest is the highest time of an event, aged what the log has lived; see passed.
	newest, aged int64
	// dying are dead-lettered tasks whose copies may not have been published.
	dying fifo[dying]
	// version is that by which events are folded.
	version uint32
	// tokens is at least what was given before the last loss; see raiseTokens.
	tokens uint64

	// What follows is not folded.

	// leading is set by the first Advance: indexes for placing are kept from then on.
	leading bool
	// knows is the newest fold version that can be folded; err that the log has one
	// above it.
	knows uint32
	err   *FoldVersionError
	// payloadBytes are in memory.
	payloadBytes int
	// succeeded are kept for showing.
	succeeded   keeper
	tenure      tenure
	turn        int
	nextLease   int64
	evaluations uint64
	eval        evaluation
	// partitions is what AssignmentPartitions found; nil when engines came or went.
	partitions []int32
	// deciding is the task that Decide or Advance looks at, which Apply will need at once.
	deciding attempt
	recent   recent
	// addressee of what was published last.
	addressee addressee
	// compiled and preferred are of the request that Decide looks at.
	compiled  *predicate.Predicate
	preferred *predicate.Preference
}

// New makes the state of an empty log.
func New(cfg Config) *State {
	cfg.defaults()
	return &State{
		cfg: cfg, pools: make(map[events.Pool]*pool), kept: newKeeper(), succeeded: newKeeper(),
		version: foldFirst, knows: NewestFoldVersion,
	}
}

// pool is one scheduling domain.
type pool struct {
	name  events.Pool
	tasks map[string]*task
	// first and last of the tasks that have not ended, in order of acceptance.
	first, last *task
	seq         uint64
	// token is the last one given.
	token uint64
	// cursor is the index of the engine that was given work last.
	cursor int
	// owing are the tasks with a fate, in the order in which they got one, among
	// debts that were met; owes counts those that were not.
	owing            fifo[debt]
	owes             int
	debts            uint32
	waiting, running int

	engines map[string]*engine
	// drains are those that an operator ordered, by the engine's ID.
	drains map[string]drain
	// byIndex has nil where no engine is present.
	byIndex []*engine
	// known lists all engines in the order of their first registration.
	known   []*engine
	present int
	// nodes that present engines say they run on.
	nodes map[string]*node
	// largest are allocatable vectors that no other ever seen covers.
	largest [][]int64

	dims          dims
	shapes        map[string]*shape
	oneSlot       *shape
	templates     map[templateKey]*template
	idleTemplates []*template
	classes       map[string]*class
	classList     []*class
	// predicates is the State's cache. Not folded.
	predicates *predicate.Cache

	// importing does not count yet; imported is the ID of what did last, origin where it was
	// read. replaced: the tasks are placed at another site.
	importing        importing
	imported, origin string
	replaced         bool

	settings *events.PoolSettings
	levels   [levels]level
	limits   map[string]*limiter
	// dependencies are tasks that others wait for, by ID.
	dependencies map[string]*dependency
	// reserved engines, by index.
	reserved []*engine

	// match is the index for placing; nil unless leading. Not folded.
	match *matcher
	// scans counts what looked at nodes. Not folded.
	scans uint64
}

// poolOf returns the pool of that name, made if it is new.
func (s *State) poolOf(name events.Pool) *pool {
	if p, ok := s.pools[name]; ok {
		return p
	}
	p := s.newPool(name)
	p.oneSlot = p.shapeOf(nil)
	p.oneSlot.refs++
	s.pools[name] = p
	s.order = append(s.order, p)
	if s.leading {
		p.match = newMatcher(s, p)
	}
	return p
}

func (s *State) newPool(name events.Pool) *pool {
	return &pool{
		name: name, predicates: s.cfg.Predicates, tasks: make(map[string]*task), engines: make(map[string]*engine), drains: make(map[string]drain),
		dims: dims{index: make(map[string]int32)}, shapes: make(map[string]*shape),
		templates: make(map[templateKey]*template), classes: make(map[string]*class), nodes: make(map[string]*node), cursor: -1,
		limits: make(map[string]*limiter), dependencies: make(map[string]*dependency),
	}
}
