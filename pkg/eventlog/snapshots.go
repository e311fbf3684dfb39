package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/spanway/spanway/pkg/events"
)

const (
	// chunkBytes is how much of a body one chunk holds, before compression.
	chunkBytes = 512 << 10
	// maxBody bounds what is read as one snapshot.
	maxBody = 64 << 30
	// roomBytes bounds what is allocated because a manifest alone says so.
	roomBytes = 256 << 20
)

// Snapshots are the snapshots of one partition of a log, on the partition with
// the same number of its topic of snapshots.
type Snapshots struct {
	// Log is that partition.
	Log Log
	// Topic and Partition name the log of which the snapshots are.
	Topic     string
	Partition int32
	// Encoder writes the manifests; readers may leave it out.
	Encoder events.Encoder
	// OnBad, if set, is told of a snapshot that cannot be used, and why. The one
	// before is used.
	OnBad func(m *events.LogSnapshot, err error)
}

// Stored is a snapshot whose parts all stand on the topic.
type Stored struct {
	Manifest *events.LogSnapshot
	// First is the lowest offset of its parts on the topic of snapshots, At that
	// of its manifest.
	First, At int64
	chunks    []int64
}

func (s *Snapshots) bad(m *events.LogSnapshot, err error) {
	if s.OnBad != nil {
		s.OnBad(m, err)
	}
}

// Write appends a snapshot: its chunks, then the manifest, which it completes.
// What is cut short by a crash is never complete, and is passed by readers.
func (s *Snapshots) Write(ctx context.Context, snap *Snapshot) error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return fmt.Errorf("compress a snapshot: %w", err)
	}
	defer func() { _ = enc.Close() }() // It writes to nothing.
	m := snap.Manifest
	m.Chunks = nil
	chunks := (len(snap.Body) + chunkBytes - 1) / chunkBytes
	var batch []events.Record
	size := 0
	for i := range chunks {
		raw := snap.Body[i*chunkBytes : min((i+1)*chunkBytes, len(snap.Body))]
		r := events.Record{Timestamp: snap.timestamp, Value: enc.EncodeAll(raw, nil), Headers: []events.Header{snapshotHeader(m, i, chunks)}}
		m.Chunks = append(m.Chunks, xxhash.Sum64(r.Value))
		if size+r.Size() > maxBatch {
			if err := s.append(ctx, m, batch); err != nil {
				return err
			}
			batch, size = batch[:0], 0
		}
		batch, size = append(batch, r), size+r.Size()
	}
	if err := s.append(ctx, m, batch); err != nil {
		return err
	}
	id := fmt.Sprintf("%s/%d@%d", m.Topic, m.Partition, m.Offset)
	manifest, err := s.Encoder.Encode(id, m, snapshotHeader(m, chunks, chunks))
	if err != nil {
		return fmt.Errorf("write the manifest of snapshot %s: %w", id, err)
	}
	manifest.Timestamp = snap.timestamp
	return s.append(ctx, m, []events.Record{manifest})
}

func (s *Snapshots) append(ctx context.Context, m *events.LogSnapshot, batch []events.Record) error {
	if _, err := s.Log.Append(ctx, batch); err != nil {
		return fmt.Errorf("write the snapshot of %s/%d at %d: %w", m.Topic, m.Partition, m.Offset, err)
	}
	return nil
}

func snapshotHeader(m *events.LogSnapshot, chunk, chunks int) events.Header {
	return events.Header{
		Key:   events.HeaderSnapshot,
		Value: fmt.Appendf(nil, "%d/%d/%d/%d", m.FoldVersion, m.Offset, chunk, chunks),
	}
}

// isChunk reads the header spanway-snapshot; a manifest and what is malformed
// are no chunk.
func isChunk(r *events.Record) bool {
	v, ok := r.Header(events.HeaderSnapshot)
	parts := strings.Split(string(v), "/")
	if !ok || len(parts) != 4 {
		return false
	}
	chunk, err1 := strconv.ParseUint(parts[2], 10, 31)
	chunks, err2 := strconv.ParseUint(parts[3], 10, 31)
	return err1 == nil && err2 == nil && chunk < chunks
}

// scan is what one pass over the topic found.
type scan struct {
	manifests []Stored
	// chunks: where the chunks with that hash stand, in order. Writers whose parts are
	// mixed are told apart by nothing else.
	chunks map[uint64][]int64
}

// List returns the complete snapshots: newest by log offset first, and of those
// with one offset the one that arrived last. Order of arrival means nothing
// else: a zombie's snapshot is as good as the owner's.
func (s *Snapshots) List(ctx context.Context) ([]Stored, error) {
	found, err := s.scan(ctx)
	if err != nil {
		return nil, err
	}
	var out []Stored
	for _, st := range found.manifests {
		if err := st.collect(found.chunks); err != nil {
			s.bad(st.Manifest, err)
			continue
		}
		out = append(out, st)
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		if a.Manifest.Offset != b.Manifest.Offset {
			return a.Manifest.Offset > b.Manifest.Offset
		}
		return a.At > b.At
	})
	return out, nil
}

func (s *Snapshots) scan(ctx context.Context) (*scan, error) {
	start, end, err := Bounds(ctx, s.Log)
	if err != nil {
		return nil, fmt.Errorf("list the snapshots of %s/%d: %w", s.Topic, s.Partition, err)
	}
	found := &scan{chunks: map[uint64][]int64{}}
	for next := start; next < end; {
		page, err := s.Log.Fetch(ctx, next, longPoll)
		if start, _, outside := OutOfRange(err); outside {
			if start > next { // It was pruned meanwhile.
				next = start
				continue
			}
			break // It lost its tail.
		}
		if err != nil {
			return nil, fmt.Errorf("list the snapshots of %s/%d at %d: %w", s.Topic, s.Partition, next, err)
		}
		for i := range page.Records {
			s.note(found, &page.Records[i])
		}
		if next = page.Next; page.End < end {
			if end, err = Reachable(ctx, s.Log, end); err != nil {
				return nil, fmt.Errorf("list the snapshots of %s/%d at %d: %w", s.Topic, s.Partition, next, err)
			}
		}
	}
	return found, nil
}

func (s *Snapshots) note(found *scan, r *events.Record) {
	if events.TypeOfRecord(r) != events.TypeLogSnapshot {
		if isChunk(r) {
			hash := xxhash.Sum64(r.Value)
			found.chunks[hash] = append(found.chunks[hash], r.Offset)
		}
		return
	}
	_, message, err := events.DecodeTrusted(r)
	m, ok := message.(*events.LogSnapshot)
	switch {
	case err != nil || !ok:
		s.bad(nil, fmt.Errorf("the manifest at %d cannot be read: %w", r.Offset, err))
	case !s.of(m):
		s.bad(m, fmt.Errorf("the manifest at %d is of %s/%d", r.Offset, m.Topic, m.Partition))
	default:
		found.manifests = append(found.manifests, Stored{Manifest: m, At: r.Offset})
	}
}

// of tells whether a manifest is of this log. In a copy it names the topic that was copied,
// which has no prefix, or a shorter one; that the history fits is looked at in any case.
func (s *Snapshots) of(m *events.LogSnapshot) bool {
	return m.Topic != "" && strings.HasSuffix(s.Topic, m.Topic) && m.Partition == s.Partition
}

// collect finds the chunks that a manifest names: of equal ones the last before it, which
// its writer wrote. Equal states have equal chunks, and snapshots that shared one would
// be lost together.
func (st *Stored) collect(chunks map[uint64][]int64) error {
	m := st.Manifest
	if m.StateBytes <= 0 || m.StateBytes > maxBody || int64(len(m.Chunks)) != (m.StateBytes+chunkBytes-1)/chunkBytes || m.Offset <= 0 {
		return fmt.Errorf("the manifest at %d names %d bytes in %d chunks at offset %d", st.At, m.StateBytes, len(m.Chunks), m.Offset)
	}
	st.First, st.chunks = st.At, make([]int64, len(m.Chunks))
	for i, hash := range m.Chunks {
		places := chunks[hash]
		before := sort.Search(len(places), func(i int) bool { return places[i] > st.At })
		if before == 0 {
			return fmt.Errorf("chunk %d of %d is missing or corrupt", i, len(m.Chunks))
		}
		at := places[before-1]
		st.chunks[i], st.First = at, min(st.First, at)
	}
	return nil
}

// Load reads a snapshot and checks it against its manifest.
func (s *Snapshots) Load(ctx context.Context, st Stored) (*Snapshot, error) {
	c, err := s.chunks(ctx, st)
	if err != nil {
		return nil, err
	}
	defer c.close()
	m := st.Manifest
	snap := &Snapshot{Manifest: m, Body: make([]byte, 0, min(m.StateBytes, roomBytes))}
	for {
		part, err := c.next()
		switch {
		case errors.Is(err, io.EOF):
			return snap, nil
		case err != nil:
			return nil, err
		}
		snap.Body = append(snap.Body, part...)
	}
}

// corrupt is an error of the bytes, which is there whenever they are read.
type corrupt struct{ error }

func (e *corrupt) Unwrap() error { return e.error }

// pages fetches single records and keeps the pages that they came with.
type pages struct {
	log     Log
	kept    []events.Page
	fetched int // since the user last set it to 0
}

// keptPages bounds what pages holds: a fetch brings about 1 MiB.
const keptPages = 4

var errNoRecord = errors.New("the log no longer holds it")

// at returns the record at an offset.
func (p *pages) at(ctx context.Context, offset int64) (*events.Record, error) {
	for i := range p.kept {
		if r := recordIn(&p.kept[i], offset); r != nil {
			return r, nil
		}
	}
	p.fetched++
	page, err := p.log.Fetch(ctx, offset, longPoll)
	if err != nil {
		return nil, fmt.Errorf("read the record at %d: %w", offset, err)
	}
	if len(p.kept) == keptPages {
		copy(p.kept, p.kept[1:])
		p.kept = p.kept[:keptPages-1]
	}
	p.kept = append(p.kept, page)
	if r := recordIn(&p.kept[len(p.kept)-1], offset); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("read the record at %d: %w", offset, errNoRecord)
}

func recordIn(page *events.Page, offset int64) *events.Record {
	i := sort.Search(len(page.Records), func(i int) bool { return page.Records[i].Offset >= offset })
	if i < len(page.Records) && page.Records[i].Offset == offset {
		return &page.Records[i]
	}
	return nil
}
