package segments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"time"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// errReadOnly is that of Append.
var errReadOnly = errors.New("the files of a broker are read, and not written to")

// gone is a log that is not there.
type gone struct{ err error }

func (g gone) Append(context.Context, []events.Record) (int64, error) { return 0, errReadOnly }

func (g gone) Fetch(context.Context, int64, time.Duration) (events.Page, error) {
	return events.Page{}, g.err
}

// log reads a partition. It remembers where it stands, so that reading on from there does
// not look for the place. It is for one goroutine.
type log struct {
	p *partition

	next   int64 // the offset that is read next at that place; -1 if there is none
	file   int
	at     int64         // byte of the file
	pieces *batch.Pieces // the rest of a batch that opens to too much to be read at once
	until  int64         // behind that batch
}

const (
	// pageBytes is how much of a file is read for a page, unless one batch is larger.
	pageBytes = 1 << 20
	// openedBytes is how much what was read may open to, before the page ends.
	openedBytes = 16 << 20
)

// Place implements mirrored.Placed: a copy is read as what it is a copy of.
func (l *log) Place(context.Context) (events.ClusterPartition, error) {
	if l.p.at.Cluster == "" {
		return l.p.at, fmt.Errorf("of which cluster %s is cannot be known without meta.properties beside it (of spanway dev: meta.json); put it there", l.p.dir)
	}
	return l.p.at, nil
}

// Strangers implements mirrored.Placed.
func (l *log) Strangers(int) {}

// Append implements eventlog.Log.
func (l *log) Append(context.Context, []events.Record) (int64, error) { return 0, errReadOnly }

// Fetch implements eventlog.Log. Nothing comes any more, so it does not wait.
func (l *log) Fetch(ctx context.Context, from int64, _ time.Duration) (events.Page, error) {
	page := events.Page{Next: from, Start: l.p.start, End: l.p.end}
	switch {
	case from < l.p.start || from > l.p.end:
		return page, &eventlog.OutOfRangeError{From: from, Start: l.p.start, End: l.p.end}
	case from == l.p.end:
		return page, nil
	case ctx.Err() != nil:
		return page, ctx.Err()
	case from != l.next:
		l.seek(from)
	}
	l.next = -1
	err := l.fill(ctx, &page)
	if err != nil {
		return events.Page{}, fmt.Errorf("read %s: %w", l.p.dir, err)
	}
	l.next = page.Next
	return page, nil
}

// seek goes to the beginning of the file that has an offset, if any has it.
func (l *log) seek(from int64) {
	files := l.p.files
	l.file = max(0, sort.Search(len(files), func(i int) bool { return files[i].base > from })-1)
	l.at, l.pieces = 0, nil
}

// fill reads on until the page has a record, or the log ends.
func (l *log) fill(ctx context.Context, page *events.Page) error {
	for len(page.Records) == 0 && page.Next < page.End {
		if l.pieces != nil {
			if err := l.piece(ctx, page); err != nil {
				return err
			}
			continue
		}
		data, err := l.read(pageBytes)
		if err != nil {
			return err
		}
		if data == nil { // There is a gap in front of the next file, or of the end.
			if l.file++; l.file >= len(l.p.files) {
				page.Next = page.End
				return nil
			}
			l.at = 0
			page.Next = max(page.Next, l.p.files[l.file].base)
			continue
		}
		if err := l.batches(page, data); err != nil {
			return fmt.Errorf("%s at byte %d: %w", l.p.files[l.file].path, l.at, err)
		}
	}
	return nil
}

// piece reads the next part of a batch that opens to too much.
func (l *log) piece(ctx context.Context, page *events.Page) (err error) {
	var next int64
	page.Records, next, err = l.pieces.Read(ctx, page.Records, page.Next, pageBytes)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	}
	page.Next = max(page.Next, next)
	if next >= l.until {
		l.pieces = nil
	}
	return nil
}

// read reads so many bytes where the log stands, whole batches at least; nil at the end of
// the file.
func (l *log) read(most int) ([]byte, error) {
	f, err := os.Open(l.p.files[l.file].path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for {
		data := make([]byte, most) // Records refer to it.
		n, err := f.ReadAt(data, l.at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		data = data[:n]
		size := batch.Length(data)
		switch {
		case size == nothing:
			return nil, nil
		case size > 0 && size <= n:
			return data, nil
		case size <= n || n < most: // The end, or a batch that is torn.
			return nil, nil
		}
		most = size
	}
}

// batches reads the batches that data begins with.
func (l *log) batches(page *events.Page, data []byte) error {
	var decoder batch.Decoder
	for len(data) > 0 && page.Next < page.End && decoder.Bytes < openedBytes {
		b, rest, err := batch.Read(data)
		if errors.Is(err, batch.ErrPartial) {
			return nil // It is read with what comes next.
		}
		if err != nil {
			return err
		}
		if b.Next() > page.Next && !l.p.skips(&b) {
			before := len(page.Records)
			page.Records, err = decoder.Decode(page.Records, &b, page.Next)
			switch {
			case errors.Is(err, batch.ErrLarge) && before > 0:
				return nil // It is the first of the next page.
			case errors.Is(err, batch.ErrLarge):
				l.pieces, l.until = batch.InPieces(&b), b.Next()
			case err != nil: // As a client reads it from a broker.
				page.Records = append(page.Records, batch.StandIn(b.Next()-1, b.MaxTimestamp, err.Error()))
			}
		}
		l.at += int64(b.Size())
		data = rest
		if l.pieces != nil {
			return nil
		}
		page.Next = max(page.Next, b.Next())
	}
	return nil
}
