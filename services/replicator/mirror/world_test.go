package mirror

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

var (
	from = events.ClusterPartition{Cluster: "ams", Topic: "orders", Partition: 2}
	into = events.ClusterPartition{Cluster: "fra", Topic: "orders", Partition: 2}
)

// partition is one of a broker: records with gaps, and the fence of a target.
type partition struct {
	records    []events.Record
	start, end int64
	id         int   // of the topic: it rises when that is created again
	term       int64 // it changes when records may be gone
	epoch      int   // older writers are refused
	untold     int64 // so many offsets at the end a new leader has, and does not tell of
}

func (p *partition) append(records ...events.Record) (base int64) {
	base = p.end
	for _, r := range records {
		r.Offset, r.Headers, r.Encoded = p.end, r.AllHeaders(), nil
		p.records, p.end = append(p.records, r), p.end+1
	}
	return base
}

// read is the records from an offset on, as a broker gives them.
func (p *partition) read(from int64, most int) events.Page {
	end := max(p.start, p.end-p.untold)
	page := events.Page{Next: from, Start: p.start, End: end, Term: p.term}
	if from < p.start || from > p.end {
		return page
	}
	for i := range p.records {
		if r := p.records[i]; r.Offset >= from && r.Offset < end {
			if len(page.Records) == most {
				return page
			}
			page.Records, page.Next = append(page.Records, r), r.Offset+1
		}
	}
	page.Next = max(end, from)
	page.End = page.Next // So readers tell.
	return page
}

// encode leaves the headers of every other record of a page of the source as they are, as its
// reader does where none is Spanway's own.
func encode(page events.Page) events.Page {
	page.Records = slices.Clone(page.Records)
	for i := range page.Records {
		if r := &page.Records[i]; r.Offset%2 == 0 {
			encodeHeaders(r)
		}
	}
	return page
}

func encodeHeaders(r *events.Record) {
	e := binary.AppendVarint(nil, int64(len(r.Headers)))
	for _, h := range r.Headers {
		if strings.HasPrefix(h.Key, events.OwnHeaders) {
			return
		}
		e = append(binary.AppendVarint(e, int64(len(h.Key))), h.Key...)
		n := int64(len(h.Value))
		if h.Value == nil {
			n = -1
		}
		e = append(binary.AppendVarint(e, n), h.Value...)
	}
	r.Encoded, r.Headers = e, nil
}

// trim deletes from the front, cut from the end.
func (p *partition) trim(before int64) {
	p.start = max(p.start, min(before, p.end))
	p.records = slices.DeleteFunc(p.records, func(r events.Record) bool { return r.Offset < p.start })
}

func (p *partition) cut(end int64) {
	p.end, p.term = max(end, p.start), p.term+1
	p.records = slices.DeleteFunc(p.records, func(r events.Record) bool { return r.Offset >= p.end })
}

// flaw is a rule that a world is built without, to see that its judge finds it.
type flaw int

const (
	none      flaw = iota
	unfenced       // the target takes batches of older epochs
	blind          // what stands in the target is not looked at: the checkpoint alone tells
	hasty          // a batch of unknown outcome is taken as appended
	unproven       // what was copied is not compared with the source
	trusting       // the checkpoint counts though the record that it names is gone
	unburied       // what follows a dead letter is appended before that stands
	forgetful      // the checkpoint is not read again after a claim
	late           // a changed declaration decides before it is saved
	unheld         // a claim is not saved where nothing has changed
	gullible       // a new leader that tells of less than was read is believed
	flaws
)

// world is a source, a target, and nodes that copy, of which all but the newest are
// zombies. It is driven by one seed.
type world struct {
	rand           *rand.Rand
	flaw           flaw
	source, target partition
	nodes          []*node
	flights        []flight // appended, on their way
	saved          map[uint32]Checkpoint
	shared         bool
	declared       Declared        // what the link says now
	mute           bool            // the clusters tell no IDs of topics
	struck         bool            // by a loss, of which a mute world stands one only
	letters        map[string]bool // dead letters, by value
	made           int
	changes        bool // of what the link says; then claims rise, for no target loses records unseen
	judged, hazy   int  // records, and those of which it is not known what was declared
	calm           bool // nothing fails any more
	say            func(format string, args ...any)
}

type flight struct {
	epoch   int
	records []events.Record
}

// node is a shell with its copy.
type node struct {
	copy  *Copy
	epoch int
}

func newWorld(seed uint64, f flaw) *world {
	w := &world{
		rand: rand.New(rand.NewPCG(seed, 1)), flaw: f, saved: map[uint32]Checkpoint{},
		letters: map[string]bool{},
	}
	w.say = func(string, ...any) {}
	w.shared, w.mute, w.changes = w.chance(4), w.chance(2), w.chance(2)
	w.declare()
	w.source.id, w.target.id = 1, 1
	w.start()
	return w
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return w.rand.IntN(n) == 0 }

// config is as a shell would make it now.
func (w *world) config() Config {
	return Config{
		Source: from, Target: into, Shared: w.shared, MaxRecord: 400, Relay: w.declared.Relay, Routed: w.declared.Routed,
		On: Policies{Recreated: GoOn, Overtaken: GoOn, Uncopyable: GoOn},
	}
}

// start starts a node; those before it are zombies from now on.
func (w *world) start() {
	var newest *Checkpoint
	for g, c := range w.saved {
		if newest == nil || g > newest.Generation {
			newest = &c
		}
	}
	w.nodes = append(w.nodes, &node{copy: New(w.config(), newest)})
}

// produce appends records of all kinds to the source.
func (w *world) produce() {
	for range 1 + w.rand.IntN(5) {
		w.made++
		r := events.Record{Timestamp: int64(w.made), Value: fmt.Appendf(nil, "%d", w.made)}
		if w.chance(3) {
			r.Key = []byte{}
		}
		if w.chance(2) {
			to := [...]string{"fra", "ams", "ams, fra", ""}[w.rand.IntN(4)]
			r.Headers = []events.Header{{Key: "to", Value: []byte(to)}}
		}
		switch w.rand.IntN(9) {
		case 0:
			r.Headers = []events.Header{{Key: "a"}, {Key: "a", Value: []byte{}}}
		case 1: // It comes from the target's cluster.
			p := events.Provenance{Origin: events.Origin{ClusterPartition: into, Offset: 7}, Generation: 1}
			r = p.Mark(&r, from)
		case 2: // A program has written it on with the headers of another.
			p := events.Provenance{Origin: events.Origin{ClusterPartition: into, Offset: 8}, Generation: 1}
			r.Headers = p.Mark(&events.Record{}, from).Headers
		case 3:
			r.Headers = []events.Header{{Key: "large", Value: make([]byte, 400)}}
		case 4: // It comes from a third cluster.
			p := events.Provenance{Origin: events.Origin{ClusterPartition: events.ClusterPartition{Cluster: "tok", Topic: "orders"}, Offset: 9}, Generation: 1}
			r = p.Mark(&r, from)
		}
		w.source.append(r)
		if w.chance(6) {
			w.source.end++ // A marker, or what compaction took.
		}
	}
}

// id is a topic's, but some clusters do not tell.
func (w *world) id(p *partition) string {
	if w.mute {
		return ""
	}
	return fmt.Sprint("id ", p.id)
}

// turn is one thing that happens.
func (w *world) turn() {
	n := w.nodes[len(w.nodes)-1]
	if w.chance(4) {
		n = w.nodes[w.rand.IntN(len(w.nodes))]
	}
	switch k := w.rand.IntN(100); {
	case k < 70:
		w.step(n)
	case k < 80:
		w.produce()
	case k < 84:
		w.land()
	case k < 86:
		if w.changes {
			w.declare()
		}
		w.start()
	case k < 88:
		w.save(w.nodes[len(w.nodes)-1])
	case k < 90:
		w.target.end++ // A marker of a renewal.
	case k < 92:
		w.retain()
	case k < 94:
		w.source.term, w.source.untold = w.source.term+1, w.rand.Int64N(4)
	case k < 95 && len(w.saved) > 0:
		w.expire()
	case k < 96 && !w.shared && !w.changes && w.strikes():
		w.lose()
	case k < 97 && w.chance(4) && w.strikes():
		w.recreate()
	case w.shared:
		w.target.append(events.Record{Value: []byte("local")})
	}
}

// strikes says that a loss may come.
func (w *world) strikes() bool {
	if w.mute && w.struck {
		return false
	}
	w.struck = true
	return true
}

// land lets a batch arrive that was on its way.
func (w *world) land() {
	if len(w.flights) == 0 {
		return
	}
	i := w.rand.IntN(len(w.flights))
	f := w.flights[i]
	w.flights = slices.Delete(w.flights, i, i+1)
	if f.epoch == w.target.epoch || w.flaw == unfenced {
		w.target.append(f.records...)
	}
}

// save saves the checkpoint of a node, as a shell does from time to time.
func (w *world) save(n *node) {
	if c, ok := n.copy.Checkpoint(); ok {
		w.keep(c)
	}
}

// keep keeps a checkpoint, unless there is one that counts more.
func (w *world) keep(c Checkpoint) {
	if old, ok := w.saved[c.Generation]; !ok || old.Claim <= c.Claim {
		w.saved[c.Generation] = c
	}
}

// retain deletes from the front of the source, also what was not copied.
func (w *world) retain() {
	defer func() { w.say("source %d begins at %d", w.source.id, w.source.start) }()
	before := w.source.start + w.rand.Int64N(w.source.end-w.source.start+1)
	if !w.chance(5) {
		before = min(before, w.newest().Next)
	}
	w.source.trim(before)
}

func (w *world) newest() (c Checkpoint) {
	for _, one := range w.saved {
		if one.Generation >= c.Generation {
			c = one
		}
	}
	return c
}

// expire deletes from the front of the target what the source has no longer.
func (w *world) expire() {
	c := w.newest()
	before := w.target.start
	for i := range w.target.records {
		r := &w.target.records[i]
		p, ok := events.ProvenanceOf(r, into)
		if !ok && !w.shared || ok && (p.Offset >= w.source.start || c.Last == nil || r.Offset > c.Last.Target) {
			break
		}
		before = r.Offset + 1
	}
	w.target.trim(before)
}

// lose takes records from the end of the target: an unclean election.
func (w *world) lose() {
	if w.mute || w.chance(3) {
		defer func() { w.say("target ends at %d", w.target.end) }()
		w.target.cut(w.target.end - w.rand.Int64N(4))
		w.start() // Its writer is told by the broker that its sequence is gone.
		w.target.epoch++
	}
}

// recreate creates a topic again.
func (w *world) recreate() {
	defer func() { w.say("source %d ends at %d, target %d", w.source.id, w.source.end, w.target.id) }()
	if w.chance(3) && !w.shared && !(w.mute && w.changes) {
		w.target = partition{id: w.target.id + 1, term: w.target.term + 1, epoch: w.target.epoch + 1}
		w.start()
		return
	}
	if w.mute || w.chance(2) { // It loses its end, by an unclean election.
		w.source.cut(w.source.end - w.rand.Int64N(5))
		w.produce()
		return
	}
	w.source = partition{id: w.source.id + 1, term: w.source.term + 1}
	for range w.rand.IntN(8) {
		w.produce()
	}
	w.start()
}
