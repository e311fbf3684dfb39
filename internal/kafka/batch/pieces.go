package batch

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spanway/spanway/pkg/events"
)

// MaxRecord bounds, in bytes, a record of a batch that is read in pieces. Of a larger
// one a stand-in is read.
const MaxRecord = MaxDecompressed

// Pieces reads a batch record by record, however much it opens to: for a batch of
// which Decode says ErrLarge. It holds no more than what the compression looks back
// on and one record. It is not for concurrent use.
type Pieces struct {
	batch   Batch
	source  source
	in      *bufio.Reader
	decoder Decoder
	read    int32 // records so far
	last    int64 // offset of the last of them; before the batch if there is none
}

// InPieces begins to read a batch.
func InPieces(b *Batch) *Pieces {
	return &Pieces{batch: *b, source: source{data: b.records}, last: b.BaseOffset - 1, decoder: Decoder{left: 1}}
}

// Read appends the next records from offset from on to dst, until they take size bytes
// or more, and tells the offset to go on from. That is the batch's Next when all was
// read. A record of more than MaxRecord bytes gives a stand-in at its own offset. An
// error of ctx ends the reading; any other error says that the rest of the batch
// cannot be read, and wraps ErrCorrupt.
func (p *Pieces) Read(ctx context.Context, dst []events.Record, from int64, size int) (_ []events.Record, next int64, err error) {
	p.source.ctx = ctx
	if p.in == nil {
		opened, err := decompressor(&p.source, p.batch.Compression())
		if err != nil {
			return dst, p.last + 1, p.failed(err)
		}
		p.in = bufio.NewReaderSize(opened, 64<<10)
	}
	for taken := 0; p.read < p.batch.Count; {
		r, cost, err := p.record(from)
		if err != nil {
			return dst, p.last + 1, p.failed(err)
		}
		p.read++
		p.last = r.Offset
		if r.Offset < from {
			continue
		}
		dst = append(dst, r)
		if taken += cost; taken >= size && p.read < p.batch.Count {
			return dst, p.last + 1, nil
		}
	}
	return dst, p.batch.Next(), nil
}

func (p *Pieces) failed(err error) error {
	if ctx := p.source.ctx; ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: batch at offset %d: record %d of %d: %w", ErrCorrupt, p.batch.BaseOffset, p.read+1, p.batch.Count, err)
}

var errContradicts = errors.New("it contradicts its length or its batch")

// record reads one record, and tells about how many bytes it takes. Of one below from
// it reads the offset only.
func (p *Pieces) record(from int64) (r events.Record, cost int, err error) {
	size, err := binary.ReadVarint(p.in)
	if err != nil {
		return r, 0, err
	}
	if size < minRecord-1 || size > math.MaxInt32 {
		return r, 0, errContradicts
	}
	const deltas = 1 + 2*binary.MaxVarintLen64 // of time and offset, behind the attributes
	head, err := p.in.Peek(int(min(size, deltas)))
	if err != nil {
		return r, 0, err
	}
	in := cursor{data: head}
	if !p.decoder.place(&in, &p.batch, &r) {
		return r, 0, errContradicts
	}
	if r.Offset < from || size > MaxRecord {
		if _, err := io.CopyN(io.Discard, p.in, size); err != nil {
			return r, 0, err
		}
		return StandIn(r.Offset, r.Timestamp, fmt.Sprintf("a record of %d bytes; at most %d are read", size, MaxRecord)), recordBytes, nil
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(p.in, body); err != nil {
		return r, 0, err
	}
	in.data, p.decoder.cost = body, 0
	if !p.decoder.body(&in, len(body), &r) {
		return r, 0, errContradicts
	}
	return r, len(body) + p.decoder.cost, nil
}

// StandIn is read in the place of a record that cannot be read, or of the rest of a
// batch. It says why, and is never on the wire.
func StandIn(offset, timestamp int64, why string) events.Record {
	return events.Record{
		Offset: offset, Timestamp: timestamp,
		Headers: []events.Header{{Key: events.HeaderUndecodable, Value: []byte(why)}},
	}
}

// source hands compressed bytes out in small pieces, since a few of them may open to
// very much, and ends when ctx does.
type source struct {
	ctx  context.Context
	data []byte
}

func (s *source) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	const piece = 4 << 10
	n := copy(b[:min(len(b), piece)], s.data)
	s.data = s.data[n:]
	return n, nil
}
