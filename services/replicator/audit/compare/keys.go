package compare

import (
	"cmp"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/events"
)

// Keys compares what compaction leaves: the newest record of each key. A key that was
// deleted is as one that never was. It holds a few words for each key of its share. It is
// not safe for concurrent use.
//
// Both sides must be read from their start to their present end, which is taken when the
// reading has come to the end of the range: compaction deletes a record under the reader
// only where a newer one of its key stands behind.
type Keys struct {
	cfg    Config
	share  Share
	keys   map[uint64]*newest
	copied int64 // the greatest origin in the target's range
	result Result
}

// Share is a part of all keys, so that memory can be bounded by reading more than once.
type Share struct{ Index, Of uint64 }

// newest is what both sides have of a key.
type newest struct {
	source, origin, target int64 // offsets; -1 is none
	sourceHash, targetHash uint64
	sourceDead, targetDead bool // tombstones
	dropped                bool // the source's is not to be copied
}

// NewKeys begins to compare a share of all keys. The zero Share is all.
func NewKeys(cfg Config, share Share) *Keys {
	share.Of = max(share.Of, 1)
	k := &Keys{cfg: cfg, share: share, keys: map[uint64]*newest{}, copied: -1}
	k.result.EqualTo = cfg.SourceRange.End
	return k
}

func (k *Keys) of(key []byte) *newest {
	id := xxhash.Sum64(key)
	if key == nil || id%k.share.Of != k.share.Index {
		return nil
	}
	n := k.keys[id]
	if n == nil {
		n = &newest{source: -1, origin: -1, target: -1}
		k.keys[id] = n
	}
	return n
}

// Source takes records of the source, in order.
func (k *Keys) Source(records []events.Record) {
	for i := range records {
		r := &records[i]
		n := k.of(r.Key)
		if n == nil {
			continue
		}
		f, _ := k.cfg.judge(r)
		n.source, n.sourceHash, n.sourceDead, n.dropped = r.Offset, Hash(r, r.Offset), r.Value == nil, f != wanted
	}
}

// Target takes records of the target, in order.
func (k *Keys) Target(records []events.Record) {
	for i := range records {
		r := &records[i]
		p, ok := events.ProvenanceOf(r, k.cfg.Target)
		if !ok || p.ClusterPartition != k.cfg.Source || k.cfg.superseded(p.Origin.Offset, p.Generation) {
			continue
		}
		k.copied = max(k.copied, p.Origin.Offset)
		if n := k.of(r.Key); n != nil && (p.Origin.Offset > n.origin || p.Swept(r)) {
			n.origin, n.target, n.targetHash, n.targetDead = p.Origin.Offset, r.Offset, Hash(r, p.Origin.Offset), r.Value == nil
		}
	}
}

// Result judges all keys, when both sides were read.
func (k *Keys) Result() Result {
	all := slices.Collect(maps.Values(k.keys))
	slices.SortFunc(all, func(a, b *newest) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.target, b.target))
	})
	for _, n := range all {
		k.judge(n)
	}
	k.keys = nil
	return k.result
}

func (k *Keys) judge(n *newest) {
	end := k.cfg.SourceRange.End
	here, there := n.source >= 0 && !n.sourceDead, n.target >= 0 && !n.targetDead
	switch {
	case n.source >= end || n.origin >= end || n.dropped:
		k.result.Later++
	case n.source > k.copied && !k.cfg.Whole:
		k.result.Behind++
	case !here && !there:
	case !here && n.source < 0 && n.origin < k.cfg.SourceRange.Start:
		k.result.Gone++
	case !here:
		k.result.find(Finding{Stale, n.source, n.target}, max(n.source, n.origin))
	case n.target < 0 || n.origin < n.source:
		k.result.find(Finding{Missing, n.source, -1}, n.source)
	case n.origin > n.source:
		k.result.find(Finding{Extra, n.origin, n.target}, n.origin)
	case n.sourceHash != n.targetHash:
		k.result.find(Finding{Differs, n.source, n.target}, n.source)
	default:
		k.result.Same++
	}
}
