package mirror

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios print into their files")

// TestScenarios plays testdata/*.txt. A scenario is a list of commands, each followed by ----
// and, indented, what happened. Lines that begin with # are comments. Change a golden line
// only if you understand why it changed.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := newPlayer(t).play(string(text))
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(text) {
		t.Errorf("%s: what happened differs; go test -run Scenarios -rewrite, then look at the difference\n%s", file, got)
	}
}

// player is a source, a target, and copies by their names.
type player struct {
	tb             testing.TB
	out            strings.Builder
	cfg            Config
	source, target partition
	unfenced       bool
	mute           bool  // the clusters tell no IDs of topics
	now            int64 // in milliseconds
	ended          *Ended
	copies         map[string]*node
	saved          *Checkpoint       // the newest that counts
	fate           map[string]string // what becomes of the next batch of a copy
	flights        []flight          // batches on their way
}

func newPlayer(tb testing.TB) *player {
	p := &player{tb: tb, now: 1000 * hour, copies: map[string]*node{}, fate: map[string]string{}}
	p.cfg.Source, p.cfg.Target = from, into
	p.source.id, p.target.id = 1, 1
	return p
}

// play runs every command and gives the file as it should be.
func (p *player) play(text string) string {
	var file strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "----" || strings.HasPrefix(line, "  "): // What happened last time.
		case line == "" || strings.HasPrefix(line, "#"):
			file.WriteString(line + "\n")
		default:
			p.out.Reset()
			p.command(strings.Fields(line))
			if p.out.Len() == 0 {
				p.say("nothing happens")
			}
			file.WriteString(line + "\n----\n" + p.out.String())
		}
	}
	return file.String()
}

func (p *player) say(format string, args ...any) { fmt.Fprintf(&p.out, "  "+format+"\n", args...) }

// command does what one line says.
func (p *player) command(words []string) {
	name, rest := words[0], words[1:]
	switch name {
	case "link":
		p.link(rest)
	case "produce":
		p.produce(&p.source, rest)
		p.say("the source ends at %d", p.source.end)
	case "stranger":
		p.produce(&p.target, rest)
		p.say("the target ends at %d", p.target.end)
	case "retention":
		p.source.trim(p.number(rest[0]))
		p.say("the source begins at %d", p.source.start)
	case "recreate":
		p.recreate(rest[0])
	case "cut":
		p.target.cut(p.number(rest[0]))
		p.say("the target ends at %d", p.target.end)
	case "look": // As a shell does while no copy runs.
		p.ended = &Ended{ID: p.id(&p.source), End: p.source.end}
		p.say("the source ends at %d", p.source.end)
	case "told":
		p.ended.Told = true
	case "no-ids":
		p.mute = true
	case "compact":
		compact(&p.source)
	case "wait":
		d, err := time.ParseDuration(rest[0])
		if err != nil {
			p.tb.Fatal(err)
		}
		p.now += d.Milliseconds()
	case "start":
		p.copies[rest[0]] = &node{copy: New(p.cfg, p.saved)}
		if p.ended != nil {
			p.copies[rest[0]].copy.Ended(*p.ended)
		}
		p.run(rest[0], rest[1:])
	case "run":
		p.run(rest[0], rest[1:])
	case "save":
		p.save(rest[0])
	case "end":
		delete(p.copies, rest[0])
	case "arrive":
		p.arrive()
	case "target":
		p.show()
	default:
		p.tb.Fatalf("no command %q", name)
	}
}

func (p *player) number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		p.tb.Fatal(err)
	}
	return n
}

// link changes what copies are told that start from now on.
func (p *player) link(words []string) {
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		policy := Stop
		if value == "go_on" {
			policy = GoOn
		}
		switch name {
		case "begin":
			generation, at, _ := strings.Cut(value, "@")
			if p.cfg.Begin = (Begin{Generation: uint32(p.number(generation))}); at != "" {
				p.cfg.Begin.From = p.number(at)
			}
		case "shared":
			p.cfg.Shared = true
		case "relay":
			p.cfg.Relay = true
		case "unfenced":
			p.unfenced = true
		case "recreated":
			p.cfg.On.Recreated = policy
		case "overtaken":
			p.cfg.On.Overtaken = policy
		case "uncopyable":
			p.cfg.On.Uncopyable = policy
		case "largest":
			p.cfg.MaxRecord = int(p.number(value))
		case "accepted":
			p.cfg.Tolerated = p.number(value)
		case "route":
			p.cfg.Routed = &Routing{Header: "to", Site: value}
		case "allowed":
			narrowed := *p.cfg.Routed
			narrowed.Allowed, narrowed.Unknown = strings.Split(value, ","), GoOn
			p.cfg.Routed = &narrowed
		case "tombstones":
			d, err := time.ParseDuration(value)
			if err != nil {
				p.tb.Fatal(err)
			}
			p.cfg.Compacted = Compaction{Source: true, Target: true, Tombstones: d}
		default:
			p.tb.Fatalf("a link has no %q", name)
		}
	}
}

// produce appends records: a value, or key:value, of which - is null. What follows with a = is
// about the record before it: to=SITES, size=BYTES of its value, copy=CLUSTER that it came from.
func (p *player) produce(into *partition, words []string) {
	var all []events.Record
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			r := events.Record{Timestamp: p.now, Value: []byte(word)}
			if key, value, keyed := strings.Cut(word, ":"); keyed {
				if r.Key, r.Value = []byte(key), []byte(value); value == "-" {
					r.Value = nil
				}
			}
			all = append(all, r)
			continue
		}
		r := &all[len(all)-1]
		switch name {
		case "to":
			r.Headers = append(r.Headers, events.Header{Key: "to", Value: []byte(value)})
		case "size":
			r.Value = append(r.Value, make([]byte, p.number(value)-int64(len(r.Value)))...)
		case "copy":
			mark := events.Provenance{Origin: events.Origin{ClusterPartition: events.ClusterPartition{Cluster: value, Topic: from.Topic, Partition: from.Partition}, Offset: 40}, Generation: 1}
			*r = mark.Mark(r, from)
		default:
			p.tb.Fatalf("a record has no %q", name)
		}
	}
	into.append(all...)
}

// recreate deletes a topic and creates it again.
func (p *player) recreate(which string) {
	topic := map[string]*partition{"source": &p.source, "target": &p.target}[which]
	*topic = partition{id: topic.id + 1, term: topic.term + 1, epoch: topic.epoch + 1}
	p.say("the %s is empty", which)
}

// save saves a checkpoint as a shell does from time to time.
func (p *player) save(name string) {
	if c, ok := p.copies[name].copy.Checkpoint(); ok {
		p.keep(name, &c)
	}
}

// keep keeps a checkpoint, unless there is one that counts more.
func (p *player) keep(name string, c *Checkpoint) {
	verdict := ""
	if p.saved != nil && p.saved.Newer(c) {
		verdict = ", which does not count: there is one of a later claim"
	} else {
		p.saved = c
	}
	p.say("%s saves a checkpoint: generation %d, next %d, snapshot up to %d%s", name, c.Generation, c.Next, c.SnapshotEnd, verdict)
}

// arrive lets the batches arrive that were on their way.
func (p *player) arrive() {
	for _, f := range p.flights {
		if f.epoch != p.target.epoch && !p.unfenced {
			p.say("the fence refuses %s", brieflies(f.records))
			continue
		}
		p.say("%s stands in the target at %d", brieflies(f.records), p.target.append(f.records...))
	}
	p.flights = nil
}

// show tells what stands in the target.
func (p *player) show() {
	for i := range p.target.records {
		r := &p.target.records[i]
		origin := "of somebody else"
		if o, ok := events.ProvenanceOf(r, into); ok {
			origin = fmt.Sprintf("copy of %s@%d, generation %d", o.Cluster, o.Offset, o.Generation)
			for _, hop := range o.Earlier {
				origin += fmt.Sprintf(", which is one of %s@%d", hop.Cluster, hop.Offset)
			}
			if o.Swept(r) {
				origin = "deleted by a sweep"
			}
		}
		p.say("%d  %-4s %s", r.Offset, brieflies([]events.Record{*r}), origin)
	}
}

// brieflies names records by what was produced.
func brieflies(records []events.Record) string {
	var names []string
	for _, r := range records {
		value := strings.TrimRight(string(r.Value), "\x00")
		if r.Value == nil {
			value = "-"
		}
		if r.Key != nil {
			value = string(r.Key) + ":" + value
		}
		names = append(names, value)
	}
	return strings.Join(slices.Compact(names), " ")
}
