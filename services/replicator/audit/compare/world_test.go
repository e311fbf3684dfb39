package compare_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

var (
	here  = events.ClusterPartition{Cluster: "ams", Topic: "orders", Partition: 3}
	there = events.ClusterPartition{Cluster: "fra", Topic: "ams.orders", Partition: 3}
)

// world is a source and a target that copies it.
type world struct {
	cfg            compare.Config
	source, target []events.Record
}

// copyOf is a copy of a record, as docs/wire.md says.
func copyOf(r events.Record, generation uint32, offset int64) events.Record {
	mark := events.Provenance{Origin: events.Origin{ClusterPartition: here, Offset: r.Offset}, Generation: generation}
	if p, ok := events.ProvenanceOf(&r, here); ok {
		mark.Earlier = append(p.Earlier, events.Hop{Cluster: p.Cluster, Offset: p.Origin.Offset})
	}
	c := mark.Mark(&r, there)
	c.Offset = offset
	return c
}

func record(offset int64) events.Record {
	return events.Record{Offset: offset, Timestamp: 1000 + offset, Key: []byte(fmt.Sprint("k", offset)), Value: []byte{}}
}

// hopped is a record that stands in the source as a copy from another cluster.
func hopped(r events.Record, from string) events.Record {
	mark := events.Provenance{Origin: events.Origin{ClusterPartition: events.ClusterPartition{Cluster: from, Topic: "orders", Partition: 3}, Offset: 7}, Generation: 1}
	return mark.Mark(&r, here)
}

// drawWorld makes a true copy: of several kinds of records, with gaps in both, with other
// writers if the target is shared, perhaps of two generations.
func drawWorld(t *rapid.T) *world {
	w := &world{cfg: compare.Config{Source: here, Target: there, Every: compare.Cut{Offsets: 7}}}
	w.cfg.Tolerated, w.cfg.Relay = rapid.SampledFrom([]int64{0, compare.Shared}).Draw(t, "tolerated"), rapid.Bool().Draw(t, "relay")
	if rapid.Bool().Draw(t, "by time") {
		w.cfg.Every = compare.Cut{Millis: 9}
	}
	w.cfg.Whole = true
	bytes := rapid.SampledFrom([][]byte{nil, {}, []byte("a"), []byte("bc")})
	offset, at := rapid.Int64Range(0, 5).Draw(t, "start"), int64(0)
	for range rapid.IntRange(1, 60).Draw(t, "records") {
		offset += rapid.Int64Range(1, 3).Draw(t, "gap")
		r := record(offset)
		r.Timestamp += rapid.Int64Range(-3, 3).Draw(t, "late")
		r.Key, r.Value = bytes.Draw(t, "key"), bytes.Draw(t, "value")
		for range rapid.IntRange(0, 2).Draw(t, "headers") {
			r.Headers = append(r.Headers, events.Header{Key: rapid.SampledFrom([]string{"h", "i"}).Draw(t, "name"), Value: bytes.Draw(t, "header")})
		}
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			r = hopped(r, "fra")
		case 1:
			r = hopped(r, "tok")
		}
		w.source = append(w.source, r)
	}
	offset++
	w.source = append(w.source, record(offset)) // so that each generation has a copy
	w.cfg.SourceRange = compare.Range{Start: w.source[0].Offset, End: offset + 1}
	copyFrom := func(all []events.Record, generation uint32) {
		first := true
		for _, r := range all {
			if p, ok := events.ProvenanceOf(&r, here); ok && (p.Cluster == "fra" || !w.cfg.Relay) {
				continue
			}
			at += rapid.Int64Range(1, 3).Draw(t, "marker")
			if w.cfg.Tolerated == compare.Shared && rapid.IntRange(0, 4).Draw(t, "other writer") == 0 {
				w.target = append(w.target, record(at))
				at++
			}
			if first {
				w.cfg.Generations = append(w.cfg.Generations, compare.Generation{Number: generation, Origin: r.Offset, Target: at})
			}
			first = false
			w.target = append(w.target, copyOf(r, generation, at))
		}
	}
	n := 0
	if rapid.Bool().Draw(t, "lost its end") {
		n = rapid.IntRange(0, len(w.source)-1).Draw(t, "kept")
		gone := slices.Clone(w.source[:n])
		for i := range 3 { // of which the source has other records now
			r := record(w.source[0].Offset + int64(i))
			if n > 0 {
				r = record(w.source[n-1].Offset + int64(i+1))
			}
			r.Value = []byte("lost")
			gone = append(gone, r)
		}
		copyFrom(gone, 1)
	}
	copyFrom(w.source[n:], 2)
	w.cfg.TargetRange = compare.Range{End: at + 2}
	return w
}

// audit compares, in pages of so many records.
func (w *world) audit(page int) (compare.Result, []compare.Window) {
	s := compare.New(w.cfg)
	var all []compare.Window
	for {
		side, from := s.Next()
		switch side {
		case compare.ReadSource:
			s.Source(pageOf(w.source, from, page, w.cfg.SourceRange.End))
		case compare.ReadTarget:
			s.Target(pageOf(w.target, from, page, w.cfg.TargetRange.End))
		default:
			return s.Result(), append(all, s.Windows()...)
		}
		all = append(all, s.Windows()...)
	}
}

func pageOf(all []events.Record, from int64, n int, end int64) ([]events.Record, int64) {
	i := slices.IndexFunc(all, func(r events.Record) bool { return r.Offset >= from })
	if i < 0 {
		return nil, end
	}
	rest := all[i:]
	if len(rest) <= n {
		return rest, end
	}
	return rest[:n], rest[n-1].Offset + 1
}

// keys compares the newest records of all keys, in two shares.
func (w *world) keys() (out compare.Result) {
	for i := range uint64(2) {
		k := compare.NewKeys(w.cfg, compare.Share{Index: i, Of: 2})
		k.Source(w.source)
		k.Target(w.target)
		r := k.Result()
		out.Same += r.Same
		out.Behind += r.Behind
		out.Later += r.Later
		out.First = append(out.First, r.First...)
		for kind, n := range r.Wrong {
			out.Wrong[kind] += n
		}
	}
	return out
}
