package compare

import (
	"math"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Config says what is compared, and how it was to be copied.
type Config struct {
	// Source and Target are the partitions.
	Source, Target events.ClusterPartition
	// SourceRange and TargetRange are the offsets that are compared.
	SourceRange, TargetRange Range
	// Compacted says that either side is: then what is missing is judged by Keys.
	Compacted bool
	// Whole demands all of the source: what is not copied yet is missing.
	Whole bool
	// Tolerated is the offset of the target below which records of others may stand;
	// Shared if it has other writers.
	Tolerated int64
	Declaration
	// Buried says which offsets of the source are dead letters of the copy; nil is none.
	Buried func(offset int64) bool
	// Generations are those of the target, oldest first.
	Generations []Generation
	// Every is how the source is cut into windows.
	Every Cut
}

// Declaration says which records of the source were to be copied.
type Declaration struct {
	// Relay says that records of the source which are copies themselves are to be copied.
	Relay bool
	// Routed says which records are to be copied by their destinations; nil is all.
	Routed *Routing
	// Declared is what decided in place of Relay and Routed, by rising offsets of the source:
	// each up to the next one, and the first also below it. None if it is empty.
	Declared []Declared
}

// Shared is the Tolerated of a target that has other writers.
const Shared = math.MaxInt64

// Range is the offsets from Start on and below End.
type Range struct{ Start, End int64 }

// Generation is the first copy of a generation in the target.
type Generation struct {
	Number uint32
	// Origin is the offset of its record in the source, Target in the target.
	Origin, Target int64
}

// Newest is the copy of the highest generation, and of these of the greatest offset of the
// source.
type Newest struct {
	Generation uint32
	Origin     int64
}

// superseded says whether a record of the source was copied again under a higher
// generation than that.
func (c *Config) superseded(origin int64, generation uint32) bool {
	for i := range c.Generations {
		if g := &c.Generations[i]; g.Number > generation && origin >= g.Origin {
			return true
		}
	}
	return false
}

// Cut says where a window ends: after a number of offsets, or where the records' time
// comes to a multiple of a number of milliseconds. If neither is set windows have
// 100,000 offsets.
type Cut struct{ Offsets, Millis int64 }

const defaultOffsets = 100_000

// Routing is which records name this site among their destinations.
type Routing struct {
	// Header names sites, separated by commas.
	Header string
	// Site is the one that the copy is for.
	Site string
	// Allowed are the sites that may be named; none is any.
	Allowed []string
	// Unrouted says that records without destinations are copied.
	Unrouted bool
	// UnknownGoOn says that names outside of Allowed are passed over; else such a record
	// cannot be copied.
	UnknownGoOn bool
}

const (
	maxHeader = 4096 // destinations in a longer header are not read
	maxHops   = 8    // a record that was in as many clusters goes no further
)

// fate is why a record of the source is not to be copied; or that it is.
type fate uint8

const (
	wanted fate = iota
	looped
	relayed
	elsewhere
	uncopyable
	passed     // by what was declared then, and not by what is now
	undeclared // it is not known what was declared
)

// judge tells the fate of a record of the source, and the way that its copy has to show.
func (c *Config) judge(r *events.Record) (f fate, way []events.Hop) {
	if _, ok := r.Header(events.HeaderUndecodable); ok {
		return uncopyable, nil
	}
	p, hopped := events.ProvenanceOf(r, c.Source)
	if hopped {
		way = append(slices.Clone(p.Earlier), events.Hop{Cluster: p.Cluster, Offset: p.Origin.Offset})
		been := func(h events.Hop) bool { return h.Cluster == c.Target.Cluster }
		if len(way) >= maxHops || slices.ContainsFunc(way, been) {
			return looped, nil
		}
	}
	now := c.now()
	then := c.at(r.Offset, &now)
	f = then.judge(r, hopped)
	switch {
	case then.Unknown:
		return undeclared, way
	case f == wanted && c.Buried != nil && c.Buried(r.Offset):
		return uncopyable, way
	case (f == relayed || f == elsewhere) && now.judge(r, hopped) == wanted:
		return passed, nil
	}
	return f, way
}

func (r *Routing) judge(record *events.Record) fate {
	value, _ := record.Header(r.Header)
	if len(value) > maxHeader {
		return uncopyable
	}
	f, names := elsewhere, 0
	for _, name := range strings.Split(string(value), ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		names++
		known := len(r.Allowed) == 0 || slices.Contains(r.Allowed, name)
		if !known && !r.UnknownGoOn {
			return uncopyable
		}
		if known && name == r.Site {
			f = wanted
		}
	}
	if names == 0 && r.Unrouted {
		return wanted
	}
	return f
}
