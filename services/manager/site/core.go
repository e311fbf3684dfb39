package site

import (
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Config says how a site realises objects.
type Config struct {
	// Site is its name.
	Site string
	// Pool of the tasks that realise; empty: the default one.
	Pool events.Pool
	// Kind of these tasks; empty: DefaultKind.
	Kind string
	// Predicate says which engines realise; empty: DefaultPredicate.
	Predicate string
	// Topics names the topic of requests for tasks.
	Topics events.Topics
}

// What a Config that leaves them out has.
const (
	DefaultKind      = "network.realise"
	DefaultPredicate = `engine.labels.role == "edge"`
)

// Core is the state of network.status. It is for one goroutine.
type Core struct {
	cfg            Config
	term, sequence uint64 // of what is applied
	sync           uint64 // the newest full sync of the term that is applied
	syncID         string // its ID
	needs          string // why a full sync is needed
	begun          *collecting
	objects        map[network.Path]*object
	local          map[network.Path]*events.NetworkObject
	tasks          uint64 // how many were submitted
	byTask         map[string]network.Path
	// dirty are the paths that Advance looks at, now.
	dirty *agenda
	// users are what refers to a path: as it is wanted, realised or tried.
	users map[network.Path]map[network.Path]bool
	// again are those that failed, which are tried again later.
	again *agenda
}

// collecting is a full sync that is not at its end.
type collecting struct {
	begin    *events.NetworkSyncBegin
	objects  []*network.Object
	segments uint32
}

// object is one that the site must have, or has.
type object struct {
	wanted         *network.Object // nil: the global manager wants none
	term, sequence uint64          // of the entry that said so
	realised       *events.NetworkObject
	task           string // in flight
	missed         bool   // how it has ended may have been deleted unread
	tried          *events.NetworkObject
	attempt        uint32
	failed         string
	againAt        int64
	drifted        bool           // what is realised is not so any more
	links          []network.Path // what it refers to, as users has it
	trace          events.Trace   // of the entry, until what it said is realised
}

// New returns the state of an empty log.
func New(cfg Config) *Core {
	if cfg.Kind == "" {
		cfg.Kind = DefaultKind
	}
	if cfg.Predicate == "" {
		cfg.Predicate = DefaultPredicate
	}
	if cfg.Pool == "" {
		cfg.Pool = events.DefaultPool
	}
	return &Core{
		cfg: cfg, objects: map[network.Path]*object{}, local: map[network.Path]*events.NetworkObject{},
		byTask: map[string]network.Path{}, dirty: newAgenda(), again: newAgenda(),
		users: map[network.Path]map[network.Path]bool{},
	}
}

// FoldVersion implements eventlog.Fold.
func (c *Core) FoldVersion() uint32 { return 1 }

// Floor implements eventlog.Fold: nothing in the log is referred to.
func (c *Core) Floor() int64 { return math.MaxInt64 }

// Apply implements eventlog.Fold.
func (c *Core) Apply(l events.Logged) {
	switch m := l.Message.(type) {
	case *events.NetworkEntryApplied:
		c.entry(m.GetEntry())
	case *events.NetworkEntryDeclined:
		if needs(m.Code) && c.needs == "" {
			c.needs = m.Code
		}
	case *events.NetworkSyncBegan:
		if m.Begin != nil {
			c.begun = &collecting{begin: m.Begin}
		}
	case *events.NetworkSyncCollected:
		c.collect(m.GetSegment())
	case *events.NetworkSyncApplied:
		c.synced(m)
	case *events.NetworkLocalChanged:
		c.locally(m)
	case *events.LogTailLost: // What is lost may have submitted tasks: their numbers are used.
		c.tasks += lostTasks
	case *events.LogLossAccepted: // No more tasks than there were records.
		c.tasks = max(c.tasks, uint64(max(0, m.To)))
	default:
		c.realisation(l.Message)
	}
}

// entry folds an entry that is the next in order.
func (c *Core) entry(m *events.NetworkEntry) {
	c.term, c.sequence = m.GetTerm(), m.GetSequence()
	at := said{m.GetTerm(), m.GetSequence(), events.Trace{Parent: m.GetTraceparent(), State: m.GetTracestate()}}
	for _, r := range m.GetPuts() {
		if o := network.FromRevised(r); o != nil {
			c.want(o, at)
		}
	}
	for _, p := range m.GetRemoves() {
		c.unwant(network.Path(p), at)
	}
}

// said is the entry, or the full sync, that says what the site must have.
type said struct {
	term, sequence uint64
	trace          events.Trace
}

// want notes what the site must have.
func (c *Core) want(o *network.Object, by said) {
	of := c.of(o.Path)
	of.wanted, of.term, of.sequence, of.trace = o, by.term, by.sequence, by.trace
	c.touch(o.Path)
}

// unwant notes that the site must not have it.
func (c *Core) unwant(p network.Path, by said) {
	if of := c.objects[p]; of != nil {
		of.wanted, of.term, of.sequence, of.trace = nil, by.term, by.sequence, by.trace
		c.touch(p)
	}
}

func (c *Core) of(p network.Path) *object {
	if c.objects[p] == nil {
		c.objects[p] = &object{}
	}
	return c.objects[p]
}

// touch has Advance look at an object, from its first attempt on; one that is neither wanted
// nor there is forgotten.
func (c *Core) touch(p network.Path) {
	o := c.objects[p]
	if o == nil {
		return
	}
	c.link(p)
	if o.wanted == nil && o.realised == nil && o.task == "" && !o.drifted && c.local[p] == nil {
		delete(c.objects, p)
		c.dirty.remove(p)
		c.again.remove(p)
		return
	}
	if o.failed != "" && !network.Equal(o.tried, c.effective(p)) {
		o.failed, o.againAt, o.attempt = "", 0, 0
		c.again.remove(p)
	}
	c.dirty.put(p, 0)
}

func (c *Core) collect(m *events.NetworkSyncSegment) {
	if c.begun == nil {
		return
	}
	c.begun.segments = m.GetNumber() + 1
	for _, r := range m.GetObjects() {
		if o := network.FromRevised(r); o != nil {
			c.begun.objects = append(c.begun.objects, o)
		}
	}
}

// synced makes what was collected what the site must have, and sweeps the rest.
func (c *Core) synced(m *events.NetworkSyncApplied) {
	if c.begun == nil {
		return
	}
	in := map[network.Path]bool{}
	for _, o := range c.begun.objects {
		in[o.Path] = true
		if of := c.objects[o.Path]; of != nil && of.wanted != nil && of.wanted.Hash == o.Hash {
			of.term, of.sequence = m.Term, m.Base
			continue
		}
		c.want(o, said{term: m.Term, sequence: m.Base})
	}
	for p, o := range c.objects {
		if !in[p] && o.wanted != nil {
			c.unwant(p, said{term: m.Term, sequence: m.Base})
		}
	}
	c.term, c.sequence, c.sync, c.syncID = m.Term, m.Base, c.begun.begin.GetSync(), m.SyncId
	c.begun, c.needs = nil, ""
}

func (c *Core) locally(m *events.NetworkLocalChanged) {
	for _, o := range m.Objects {
		p := network.Path(o.GetPath())
		c.local[p] = o
		c.of(p)
		c.touch(p)
	}
	for _, path := range m.Deletes {
		p := network.Path(path)
		delete(c.local, p)
		c.touch(p)
	}
}

// lostTasks are more than the lost end of a log can have submitted.
const lostTasks = 1_000_000

// Input is what was made of a record of network.inbox, or of the end of a task.
type Input struct {
	// ID of the record.
	ID      string
	Message proto.Message
	// Err says why the record cannot be read.
	Err *events.Malformed
}
