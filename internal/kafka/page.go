package kafka

import (
	"cmp"
	"errors"
	"slices"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

// readPage reads the batches of an answer. It returns batch.ErrPartial if the
// answer has bytes, but not one whole batch. If the first batch with records is too
// large for a page, it returns that one opened, and the page is made of it. Headers are left
// as they are if encoded is set (see HeadersEncoded).
func readPage(a *fetchedPartition, from int64, encoded bool) (events.Page, *opened, error) {
	page := events.Page{Next: from, Start: a.LogStartOffset, End: a.end(), Term: a.term}
	aborts := newAborts(a.Aborted)
	decoder := batch.Decoder{Encoded: encoded}
	for rest := a.Batches.data; len(rest) > 0; {
		b, after, err := batch.Read(rest)
		if errors.Is(err, batch.ErrPartial) {
			if page.Next == from && len(after) == len(a.Batches.data) {
				return page, nil, err
			}
			break // the last batch of an answer may be cut off
		}
		if err != nil {
			return page, nil, err
		}
		rest = after
		if !aborts.skip(&b) {
			if page.Records == nil && b.Count > 0 {
				page.Records = make([]events.Record, 0, expected(&b, len(a.Batches.data)))
			}
			before := len(page.Records)
			page.Records, err = decoder.Decode(page.Records, &b, from)
			switch {
			case errors.Is(err, batch.ErrLarge) && before > 0:
				return page, nil, nil // It is the first of the next page.
			case errors.Is(err, batch.ErrLarge):
				page.Records = nil
				return page, &opened{batch: b, pieces: batch.InPieces(&b), page: page, proven: a.proven}, nil
			case err != nil:
				page.Records = restUndecodable(page.Records, before, &b, err)
			}
		}
		page.Next = max(page.Next, b.Next())
		if decoder.Bytes > maxPage {
			break // what a few bytes may decompress to must not fill the memory
		}
	}
	page.End = max(page.End, page.Next)
	return page, nil, nil
}

// maxPage is about how many bytes of records a page holds, decompressed.
const maxPage = 16 << 20

// restUndecodable appends what stands in for the rest of a batch whose checksum is
// right, so that it was written like that, but which cannot be read further. Brokers
// do not look into a compressed batch. Its readers must be able to go on behind it.
// The batch's records begin at before in records. Behind its last offset no place is
// left that a stand-in could have.
func restUndecodable(records []events.Record, before int, b *batch.Batch, err error) []events.Record {
	if n := len(records); n > before && records[n-1].Offset == b.Next()-1 {
		return records
	}
	return append(records, batch.StandIn(b.Next()-1, b.MaxTimestamp, err.Error()))
}

// expected guesses how many records an answer holds from its first batch, so
// that they rarely have to be moved.
func expected(b *batch.Batch, bytes int) int {
	n := (int64(b.Count)*int64(bytes) + int64(b.Size()) - 1) / int64(b.Size())
	return int(min(n, int64(bytes/8+1)))
}

// aborts follows which transactions of an answer were aborted, as the Java
// consumer does: a producer's records are skipped from the first offset of its
// aborted transaction to the marker that ends it.
type aborts struct {
	pending []abortedTxn // not begun yet, by first offset
	open    map[int64]bool
}

// newAborts sorts what a broker tells: it tells them in the order in which they ended, which
// is another one where a transaction lies within one of another producer.
func newAborts(told []abortedTxn) aborts {
	slices.SortFunc(told, func(a, b abortedTxn) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	return aborts{pending: told}
}

// skip reports whether b belongs to an aborted transaction.
func (a *aborts) skip(b *batch.Batch) bool {
	for len(a.pending) > 0 && a.pending[0].FirstOffset < b.Next() {
		if a.open == nil {
			a.open = map[int64]bool{}
		}
		a.open[a.pending[0].ProducerID] = true
		a.pending = a.pending[1:]
	}
	if b.Aborts() {
		delete(a.open, b.Producer.ID)
	}
	return b.Transactional() && !b.Control() && a.open[b.Producer.ID]
}
