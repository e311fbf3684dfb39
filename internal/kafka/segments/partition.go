package segments

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spanway/spanway/internal/kafka/batch"
)

// partition is what is in the directory of one.
type partition struct {
	dir        string
	files      []file // by first offset
	start, end int64
	aborted    []aborted
}

// file is a segment.
type file struct {
	path string
	base int64 // no batch in it is of an offset below
}

// aborted is a transaction that was: the batches of that producer between two offsets.
type aborted struct {
	ProducerID  int64 `json:"producer_id"`
	FirstOffset int64 `json:"first_offset"`
	LastOffset  int64 `json:"last_offset"`
}

// open looks at the directory of a partition; nil if it is not that of one.
func open(dir string, start int64) (*partition, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	p := &partition{dir: dir, start: start}
	is := false
	for _, e := range entries {
		name := e.Name()
		path, ext := filepath.Join(dir, name), filepath.Ext(name)
		base, err := strconv.ParseInt(strings.TrimSuffix(name, ext), 10, 64)
		switch {
		case name == "snapshot.json":
			is, err = true, p.embedded(path)
		case err != nil || base < 0: // Another's.
			err = nil
		case ext == ".log", ext == ".dat":
			p.files = append(p.files, file{path, base})
		case ext == ".txnindex":
			err = p.transactions(path)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(p.files, func(a, b file) int { return cmp.Compare(a.base, b.base) })
	if len(p.files) == 0 {
		if !is {
			return nil, nil
		}
		p.end = p.start // It is empty.
		return p, nil
	}
	p.start = max(p.start, p.files[0].base)
	if p.end, err = p.findEnd(); err != nil {
		return nil, err
	}
	p.start = min(p.start, p.end)
	return p, nil
}

// embedded reads what the embedded broker says of a partition.
func (p *partition) embedded(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var is struct {
		Start   int64     `json:"log_start_offset"`
		End     int64     `json:"high_watermark"`
		Aborted []aborted `json:"aborted_txns"`
	}
	if err := json.Unmarshal(text, &is); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	p.start, p.end, p.aborted = is.Start, is.End, is.Aborted
	return nil
}

// transactionBytes is the size of an entry of Apache Kafka's index of aborted transactions:
// a version, then producer ID, first offset, last offset and last stable offset (AbortedTxn
// in its source).
const transactionBytes = 2 + 4*8

// transactions reads an index of aborted transactions.
func (p *partition) transactions(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for ; len(data) >= transactionBytes; data = data[transactionBytes:] {
		number := func(i int) int64 { return int64(binary.BigEndian.Uint64(data[2+8*i:])) }
		if version := binary.BigEndian.Uint16(data); version != 0 {
			return fmt.Errorf("read %s: version %d of an entry is not known; 0 is", path, version)
		}
		p.aborted = append(p.aborted, aborted{number(0), number(1), number(2)})
	}
	return nil
}

// skips tells whether a batch is of an aborted transaction.
func (p *partition) skips(b *batch.Batch) bool {
	return b.Transactional() && slices.ContainsFunc(p.aborted, func(a aborted) bool {
		return a.ProducerID == b.Producer.ID && b.BaseOffset >= a.FirstOffset && b.BaseOffset <= a.LastOffset
	})
}

// nothing is the length of what was never written: a file may be larger than what it holds.
var nothing = batch.Length(make([]byte, batch.HeaderSize))

// findEnd is the offset behind the last whole batch. Only headers are looked at.
func (p *partition) findEnd() (end int64, err error) {
	last := p.files[len(p.files)-1]
	f, err := os.Open(last.path)
	if errors.Is(err, fs.ErrNotExist) { // Deleted meanwhile.
		return last.base, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	is, err := f.Stat()
	if err != nil {
		return 0, err
	}
	end = last.base
	header := make([]byte, batch.HeaderSize)
	for at := int64(0); at+batch.HeaderSize <= is.Size(); {
		if _, err := f.ReadAt(header, at); err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read %s at byte %d: %w", last.path, at, err)
		}
		size := batch.Length(header)
		if size == nothing {
			break
		}
		if size < batch.HeaderSize {
			return 0, fmt.Errorf("read %s at byte %d: %w: a batch of %d bytes", last.path, at, batch.ErrCorrupt, size)
		}
		if at += int64(size); at > is.Size() {
			break
		}
		end = batch.After(header)
	}
	return end, nil
}
