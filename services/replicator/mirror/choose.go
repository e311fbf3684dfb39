package mirror

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// maxBatch is how many bytes of records (events.Record.Size) are appended at once at most,
// but for one that is larger.
const maxBatch = 1 << 20

// manyRecords is how many records a batch must have again, after the target refused one,
// for its number to be no longer limited.
const manyRecords = 1 << 16

// Page gives what the last ReadSource asked for, from the offset where it began.
func (c *Copy) Page(from int64, page *Source) error {
	if step, ok := c.Next().(ReadSource); !ok || step.From != from {
		return c.surprised("records stand in its source")
	}
	defer c.seen(page)
	switch {
	case c.state == Sweeping:
		c.sweepSource(page)
	case c.state == Proving && c.term != page.Term && len(c.proven) > 0:
		c.term = page.Term // What was proven may be gone since.
		c.proof, c.proven = slices.Clone(c.mark.Proof), nil
	case c.state == Proving:
		c.term = page.Term
		c.prove(page)
	case c.term != page.Term || page.End < from || differ(c.mark.SourceID, page.ID):
		// What was read before may be gone, and other records in its place.
		c.doubt()
	case page.Start > from:
		c.overtaken(from, page.Start)
	case c.catchUp():
		// The page is read again, behind the sweep.
	default:
		c.page, c.next, c.chosen = page.Records, page.Next, 0
		c.read.at, c.read.end = page.At, page.End
		c.choose()
		if len(page.Records) == 0 {
			c.catchUp()
		}
	}
	return nil
}

// overtaken does what is to be done when records were deleted before they were copied. Where
// none was read yet, the copy has no gap: it begins at the earliest record that there is,
// as one that is declared now would, and tells of the others.
func (c *Copy) overtaken(from, start int64) {
	i := Incident{Reason: Overtaken, Offset: from, Lost: start - from}
	if c.cfg.On.Overtaken == Stop && !c.none() {
		c.stop(i)
		return
	}
	c.tell(i)
	c.mark.Next = start
	c.settle()
}

// choose makes the next batch of what is left of the page. What nothing is appended for is
// decided at once.
func (c *Copy) choose() {
	if len(c.kept) > 0 {
		c.batch, c.origins, c.kept, c.keptOf = c.kept, c.keptOf, nil, nil
		return
	}
	size, most := 0, maxBatch
	if c.cfg.MaxBatch > 0 {
		most = min(most, c.cfg.MaxBatch)
	}
	for ; c.chosen < len(c.page); c.chosen++ {
		r := &c.page[c.chosen]
		marked, fate := c.fate(r)
		switch fate {
		case copied:
			n := marked.Size()
			if full := size+n > most || c.limit > 0 && len(c.batch) >= c.limit; full && len(c.batch) > 0 {
				return
			}
			if c.batch == nil {
				rest := len(c.page) - c.chosen
				c.batch, c.origins = make([]events.Record, 0, rest), make([]int64, 0, rest)
			}
			size += n
			c.batch, c.origins = append(c.batch, marked), append(c.origins, r.Offset)
		case uncopyable, misrouted:
			if len(c.batch) == 0 {
				c.cannot(r, fate)
			}
			return // It is decided when what stands before it is appended.
		default:
			c.count(fate, r.Offset)
		}
	}
	if len(c.batch) == 0 {
		c.decided(c.next)
		c.page, c.chosen = nil, 0
	}
}

// decided says that all below an offset of the source stands in the target, or was not to.
func (c *Copy) decided(offset int64) {
	newest, _ := slices.BinarySearchFunc(c.page, offset, func(r events.Record, o int64) int { return cmp.Compare(r.Offset, o) })
	for i := max(0, newest-proofs); i < newest; i++ {
		if r := &c.page[i]; r.Offset >= c.mark.read() {
			c.mark.Proof = keep(c.mark.Proof, Proof{r.Offset, fingerprint(r)})
		}
	}
	c.mark.Next = max(c.mark.Next, offset)
	c.settle()
}

// cannot does what is to be done with a record that cannot be copied.
func (c *Copy) cannot(r *events.Record, f fate) {
	why := Uncopyable
	if f == misrouted {
		why = Misrouted
	}
	if c.cfg.On.Uncopyable == Stop {
		c.stop(Incident{Reason: why, Offset: r.Offset})
		return
	}
	c.bury = &DeadLetter{Record: *r, Reason: why}
}

// Cut has the last Append take only its first n records, n at least 1; those behind them are
// appended next.
func (c *Copy) Cut(n int) error {
	step, ok := c.Next().(Append)
	if !ok || n < 1 || n > len(step.Records) {
		return c.surprised(fmt.Sprintf("its batch is cut to %d records", n))
	}
	if c.state == Sweeping {
		c.sweep.doing = n
		return nil
	}
	kept, of := c.batch[n:], c.origins[n:]
	if len(c.kept) > 0 { // It was cut before.
		kept, of = slices.Concat(kept, c.kept), slices.Concat(of, c.keptOf)
	}
	c.batch, c.origins, c.kept, c.keptOf = c.batch[:n:n], c.origins[:n:n], kept, of
	return nil
}

// Appended says that the last Append stands in the target from an offset on.
func (c *Copy) Appended(base int64) error {
	if _, ok := c.Next().(Append); !ok {
		return c.surprised("its records were appended")
	}
	if c.state == Sweeping {
		c.sweepAppended(base)
		return nil
	}
	if base < c.target.end {
		// Records were lost from the end, and others stand in their places now.
		c.stop(Incident{Reason: TargetLost, Offset: c.mark.Next})
		return nil
	}
	n := len(c.batch)
	newest := c.origins[n-1]
	c.mark.Last = &Last{Target: base + int64(n) - 1, Origin: newest, Generation: c.mark.Generation, Tombstone: c.batch[n-1].Value == nil}
	c.counts.Copied += int64(n)
	if c.target.looked = c.target.end; c.cfg.Shared {
		c.target.looked = base
	}
	// What stands between is read before the next append.
	c.target.end = base
	c.batch, c.origins = nil, nil
	if c.limit *= 2; c.limit > manyRecords {
		c.limit = 0
	}
	c.decided(newest + 1)
	c.filled()
	return nil
}

// filled goes on when it is known what stands between the batch before and the last one:
// markers, or what somebody else wrote.
func (c *Copy) filled() {
	if c.target.looked < c.target.end {
		return
	}
	if f := c.target.foreign; f > 0 && !c.cfg.Shared {
		c.stop(Incident{Reason: ForeignWriter, Offset: f - 1})
		return
	}
	c.target.end = c.mark.Last.Target + 1
	c.target.looked = c.target.end
	if c.state == Sweeping {
		c.sweepOn()
		return
	}
	c.choose()
}

// Refused says that the target does not take the last Append. A batch of several records
// is tried in smaller ones, so that only what is at fault is left out.
func (c *Copy) Refused() error {
	if _, ok := c.Next().(Append); !ok {
		return c.surprised("its records were refused")
	}
	if c.state == Sweeping { // A null value, as in any record that deletes a key.
		c.stop(Incident{Reason: Uncopyable, Offset: c.mark.Next})
		return nil
	}
	n := len(c.batch)
	c.chosen, _ = slices.BinarySearchFunc(c.page, c.origins[0], func(r events.Record, o int64) int { return cmp.Compare(r.Offset, o) })
	c.batch, c.origins, c.kept, c.keptOf = nil, nil, nil, nil
	if n > 1 {
		c.limit = n / 2
		c.choose()
		return nil
	}
	c.cannot(&c.page[c.chosen], uncopyable)
	return nil
}

// Buried says that the last DeadLetter stands.
func (c *Copy) Buried() error {
	if _, ok := c.Next().(DeadLetter); !ok {
		return c.surprised("its dead letter was sent")
	}
	c.tell(Incident{Reason: c.bury.Reason, Offset: c.bury.Record.Offset})
	c.counts.Buried++
	c.decided(c.bury.Record.Offset + 1)
	c.bury = nil
	c.chosen++
	c.choose()
	return nil
}
