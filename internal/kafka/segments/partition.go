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
	"github.com/spanway/spanway/pkg/events"
)

// partition is what is in the directory of one.
type partition struct {
	at         events.ClusterPartition
	dir        string
	files      []file // by first offset
	start, end int64
	epoch      int32 // of the leader that wrote the last batch
	aborted    []aborted
}

// span is from an offset to behind another.
type span struct{ start, end int64 }

// after tells whether a replica is newer than another one: records that a later leader
// wrote come after all that were acknowledged before.
func (p *partition) after(other *partition) bool {
	return p.epoch > other.epoch || p.epoch == other.epoch && p.end > other.end
}

// file is a segment.
type file struct {
	path string
	base int64 // no batch in it is of an offset below
	end  int64 // behind the last batch in it
}

// aborted is a transaction that was: the batches of that producer between two offsets.
type aborted struct {
	ProducerID  int64 `json:"producer_id"`
	FirstOffset int64 `json:"first_offset"`
	LastOffset  int64 `json:"last_offset"`
}

// open looks at the directory of a partition; nil if it is not that of one.
func open(dir string, noted span) (*partition, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	p := &partition{dir: dir, start: noted.start}
	is := false
	for _, e := range entries {
		name := e.Name()
		path, ext := filepath.Join(dir, name), filepath.Ext(name)
		base, err := strconv.ParseInt(strings.TrimSuffix(name, ext), 10, 64)
		switch {
		case name == "snapshot.json":
			is = true
			noted.end, err = p.embedded(path)
		case err != nil || base < 0: // Another's.
			err = nil
		case ext == ".log", ext == ".dat":
			p.files = append(p.files, file{path: path, base: base})
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
	for i := range p.files {
		if err := p.look(&p.files[i], i == len(p.files)-1); err != nil {
			return nil, err
		}
		p.end = p.files[i].end
	}
	if p.end < noted.end {
		return nil, fmt.Errorf("%w: %s ends at offset %d, and its broker noted that it ends at %d or behind: a file is missing or damaged", batch.ErrCorrupt, dir, p.end, noted.end)
	}
	p.start = min(p.start, p.end)
	return p, nil
}

// embedded reads what the embedded broker says of a partition, and returns where it ended.
func (p *partition) embedded(path string) (end int64, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var is struct {
		Start   int64     `json:"log_start_offset"`
		End     int64     `json:"high_watermark"`
		Aborted []aborted `json:"aborted_txns"`
	}
	if err := json.Unmarshal(text, &is); err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	p.start, p.aborted = is.Start, is.Aborted
	return is.End, nil
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

// look looks at the headers of a file's batches: where the file ends, and that nothing is
// between the batches. Only of the last file the end may be torn.
func (p *partition) look(in *file, last bool) error {
	f, err := os.Open(in.path)
	if errors.Is(err, fs.ErrNotExist) { // Deleted meanwhile, from the beginning of the log.
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	is, err := f.Stat()
	if err != nil {
		return err
	}
	in.end = in.base
	header := make([]byte, batch.HeaderSize)
	for at := int64(0); at < is.Size(); {
		n, err := f.ReadAt(header, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read %s at byte %d: %w", in.path, at, err)
		}
		size := batch.Length(header[:n])
		torn := n < batch.HeaderSize || at+int64(size) > is.Size()
		switch {
		case n == batch.HeaderSize && size == nothing, torn && last:
			return nil
		case torn, size < batch.HeaderSize:
			return fmt.Errorf("read %s at byte %d: %w: a batch of %d bytes, and the file has %d", in.path, at, batch.ErrCorrupt, size, is.Size())
		}
		at += int64(size)
		in.end, p.epoch = batch.After(header), batch.LeaderEpoch(header)
	}
	return nil
}

// whole returns an error if offsets are missing between two files.
func (p *partition) whole() error {
	for i := 1; i < len(p.files); i++ {
		if before, f := p.files[i-1], p.files[i]; before.end < f.base && f.base > p.start {
			return fmt.Errorf("%w: the offsets %d to %d are missing: %s ends there, and the next file is %s", batch.ErrCorrupt, before.end, f.base-1, before.path, f.path)
		}
	}
	return nil
}
