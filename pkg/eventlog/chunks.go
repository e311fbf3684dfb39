package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/spanway/spanway/pkg/events"
)

// Streamed is a Fold that can be restored without the whole state in memory: one that
// does not hold it.
type Streamed interface {
	Fold
	// RestoreFrom is Restore for a state that is read by and by. What it has read is what
	// the snapshot holds only once it has read io.EOF. An error of the file system says
	// nothing of the snapshot.
	RestoreFrom(state io.Reader) error
}

// chunks reads the body of a snapshot chunk by chunk, and checks it against the manifest.
type chunks struct {
	ctx    context.Context
	dec    *zstd.Decoder
	pages  pages
	stored Stored
	i      int
	part   []byte
	size   int64
	hash   xxhash.Digest
}

func (s *Snapshots) chunks(ctx context.Context, st Stored) (*chunks, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(chunkBytes))
	if err != nil {
		return nil, fmt.Errorf("decompress a snapshot: %w", err)
	}
	c := &chunks{ctx: ctx, dec: dec, pages: pages{log: s.Log}, stored: st}
	c.hash.Reset()
	return c, nil
}

func (c *chunks) close() { c.dec.Close() }

// next returns the next part of the body, until the one after; io.EOF says that all of
// them together are what the manifest says.
func (c *chunks) next() ([]byte, error) {
	m, last := c.stored.Manifest, len(c.stored.chunks)-1
	if c.i > last {
		if c.size != m.StateBytes || c.hash.Sum64() != m.StateHash {
			return nil, &corrupt{fmt.Errorf("the snapshot at %d has %d bytes with the hash %016x, its manifest says %d with %016x",
				m.Offset, c.size, c.hash.Sum64(), m.StateBytes, m.StateHash)}
		}
		return nil, io.EOF
	}
	r, err := c.pages.at(c.ctx, c.stored.chunks[c.i])
	if err != nil {
		return nil, fmt.Errorf("read chunk %d of the snapshot at %d: %w", c.i, m.Offset, err)
	}
	if err := c.open(r); err != nil {
		return nil, &corrupt{err}
	}
	if len(c.part) > chunkBytes || c.i < last && len(c.part) != chunkBytes {
		return nil, &corrupt{fmt.Errorf("chunk %d of the snapshot at %d holds %d bytes", c.i, m.Offset, len(c.part))}
	}
	c.i++
	c.size += int64(len(c.part))
	_, _ = c.hash.Write(c.part)
	return c.part, nil
}

// open checks and decompresses one chunk.
func (c *chunks) open(r *events.Record) (err error) {
	m := c.stored.Manifest
	if xxhash.Sum64(r.Value) != m.Chunks[c.i] {
		return fmt.Errorf("chunk %d of the snapshot at %d has another checksum", c.i, m.Offset)
	}
	if c.part, err = c.dec.DecodeAll(r.Value, c.part[:0]); err != nil {
		return fmt.Errorf("decompress chunk %d of the snapshot at %d: %w", c.i, m.Offset, err)
	}
	return nil
}

// stream is the state in a snapshot: what a fold made of it.
type stream struct {
	chunks *chunks
	rest   []byte
	err    error
}

func (s *stream) Read(b []byte) (n int, err error) {
	for len(s.rest) == 0 && s.err == nil {
		s.rest, s.err = s.chunks.next()
	}
	if len(s.rest) == 0 {
		return 0, s.err
	}
	n = copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// restoreFrom restores a fold from a snapshot of a shared log, whose own part of the
// body is short, without holding it.
func (s *Snapshots) restoreFrom(ctx context.Context, st Stored, fold Streamed) error {
	c, err := s.chunks(ctx, st)
	if err != nil {
		return err
	}
	defer c.close()
	first, err := c.next()
	if err != nil {
		return err
	}
	_, state, err := (&Snapshot{Body: first}).parts()
	if err != nil {
		return restoring(st.Manifest, err)
	}
	in := &stream{chunks: c, rest: state}
	err = fold.RestoreFrom(in)
	switch {
	case in.err != nil && !errors.Is(in.err, io.EOF):
		return in.err // What could be read of it is not the snapshot.
	case err == nil && in.err == nil:
		err = errors.New("the fold has not read all of it")
	}
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return fmt.Errorf("restore the snapshot at %d: %w", st.Manifest.Offset, err)
	case err != nil:
		return restoring(st.Manifest, err)
	}
	return nil
}
