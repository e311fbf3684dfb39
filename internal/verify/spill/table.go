package spill

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spanway/spanway/internal/verify/chain"
)

const (
	pageBytes = 4096
	keyBytes  = len(chain.Key{})
	slotBytes = keyBytes + factBytes
	factBytes = 24
	slots     = pageBytes / slotBytes
	// firstPages and growth of the table.
	firstPages = 4096
	growth     = 4
)

// recentFacts are kept in memory before they are written, 7 MB at most.
const recentFacts = 1 << 16

// Table implements chain.Memory. Make one with New; it is for one goroutine.
type Table struct {
	dir    string
	limit  int   // of facts in memory
	pages  int64 // of the first file
	recent map[chain.Key]chain.Fact
	file   *file // nil: none yet
	err    error
}

// New returns an empty table whose file, if one is needed, is in the directory dir; empty:
// that of the operating system for temporary files. Close it.
func New(dir string) *Table { return newTable(dir, recentFacts, firstPages) }

func newTable(dir string, limit int, pages int64) *Table {
	return &Table{dir: dir, limit: limit, pages: pages, recent: map[chain.Key]chain.Fact{}}
}

// Err is what went wrong with the file: what Get has answered since is worth nothing.
func (t *Table) Err() error {
	if t.err == nil {
		return nil
	}
	return fmt.Errorf("remember the past of a log in a temporary file: %w; "+
		"give it a directory with room by TMPDIR, about 250 bytes for each task in the log", t.err)
}

// Close deletes the file.
func (t *Table) Close() error { return t.file.close() }

// Get implements chain.Memory.
func (t *Table) Get(key chain.Key) (chain.Fact, bool) {
	if fact, ok := t.recent[key]; ok {
		return fact, true
	}
	if t.file == nil || t.err != nil {
		return chain.Fact{}, false
	}
	fact, ok, err := t.file.get(key)
	t.err = err
	return fact, ok
}

// Put implements chain.Memory.
func (t *Table) Put(key chain.Key, fact chain.Fact) {
	t.recent[key] = fact
	if len(t.recent) >= t.limit && t.err == nil {
		t.err = t.flush()
	}
	if t.err != nil {
		clear(t.recent)
	}
}

// flush moves what is in memory to the file, which is made or grows before if need be.
func (t *Table) flush() error {
	all := make([]remembered, 0, len(t.recent))
	for key, fact := range t.recent {
		all = append(all, remembered{key, fact})
	}
	clear(t.recent)
	pages := t.pages
	if t.file != nil {
		pages = t.file.pages
	}
	for t.file.count()+int64(len(all)) > pages*int64(slots)*2/3 {
		pages *= growth
	}
	if t.file == nil || pages > t.file.pages {
		larger, err := newFile(t.dir, pages)
		if err != nil {
			return err
		}
		old := t.file
		t.file = larger
		if err := errors.Join(old.copyTo(larger, t.limit), old.close()); err != nil {
			return err
		}
	}
	return t.file.put(all)
}

// remembered is a fact and its key, as a slot has them.
type remembered struct {
	key  chain.Key
	fact chain.Fact
}

func (r *remembered) write(slot []byte) {
	copy(slot, r.key[:])
	for i, n := range []int64{r.fact.Offset, r.fact.AtMs, r.fact.Number} {
		binary.LittleEndian.PutUint64(slot[keyBytes+8*i:], uint64(n))
	}
}

func read(slot []byte) (r remembered) {
	copy(r.key[:], slot)
	for i, n := range []*int64{&r.fact.Offset, &r.fact.AtMs, &r.fact.Number} {
		*n = int64(binary.LittleEndian.Uint64(slot[keyBytes+8*i:]))
	}
	return r
}

// file is the table in its file.
type file struct {
	f     *os.File
	pages int64 // a power of two
	facts int64
	page  [pageBytes]byte
}

func newFile(dir string, pages int64) (*file, error) {
	f, err := os.CreateTemp(dir, "spanway-verify-*")
	if err != nil {
		return nil, fmt.Errorf("create it: %w", err)
	}
	_ = os.Remove(f.Name()) // Where that cannot be done while it is open, close does it.
	if err := f.Truncate(pages * pageBytes); err != nil {
		return nil, errors.Join(fmt.Errorf("size it: %w", err), f.Close())
	}
	return &file{f: f, pages: pages}, nil
}

func (f *file) close() error {
	if f == nil {
		return nil
	}
	err := f.f.Close()
	_ = os.Remove(f.f.Name())
	return err
}

func (f *file) count() int64 {
	if f == nil {
		return 0
	}
	return f.facts
}

// home is the page of a key.
func (f *file) home(key *chain.Key) int64 {
	return int64(binary.LittleEndian.Uint64(key[:])) & (f.pages - 1)
}

func (f *file) load(page int64) error {
	if _, err := f.f.ReadAt(f.page[:], page*pageBytes); err != nil {
		return fmt.Errorf("read it: %w", err)
	}
	return nil
}

func (f *file) store(page int64) error {
	if _, err := f.f.WriteAt(f.page[:], page*pageBytes); err != nil {
		return fmt.Errorf("write to it: %w", err)
	}
	return nil
}

// slot finds that of a key in the page that is loaded, or the first free one; nil if the
// page is full of others.
func (f *file) slot(key *chain.Key) (slot []byte, found bool) {
	for i := range slots {
		slot := f.page[i*slotBytes : (i+1)*slotBytes]
		switch chain.Key(slot[:keyBytes]) {
		case *key:
			return slot, true
		case chain.Key{}:
			return slot, false
		}
	}
	return nil, false
}

func (f *file) get(key chain.Key) (chain.Fact, bool, error) {
	for page := f.home(&key); ; page = (page + 1) & (f.pages - 1) {
		if err := f.load(page); err != nil {
			return chain.Fact{}, false, err
		}
		slot, found := f.slot(&key)
		if found {
			return read(slot).fact, true, nil
		}
		if slot != nil {
			return chain.Fact{}, false, nil
		}
	}
}

// put writes facts, page by page; each replaces what is there under its key.
func (f *file) put(all []remembered) error {
	slices.SortFunc(all, func(a, b remembered) int { return cmp.Compare(f.home(&a.key), f.home(&b.key)) })
	loaded := int64(-1)
	for i := range all {
		for page := f.home(&all[i].key); ; page = (page + 1) & (f.pages - 1) {
			if page != loaded {
				if loaded >= 0 {
					if err := f.store(loaded); err != nil {
						return err
					}
				}
				if err := f.load(page); err != nil {
					return err
				}
				loaded = page
			}
			slot, found := f.slot(&all[i].key)
			if slot == nil {
				continue
			}
			if !found {
				f.facts++
			}
			all[i].write(slot)
			break
		}
	}
	if loaded < 0 {
		return nil
	}
	return f.store(loaded)
}

// copyTo puts all facts into another file, so many at a time.
func (f *file) copyTo(to *file, many int) error {
	if f == nil {
		return nil
	}
	var some []remembered
	for page := range f.pages {
		if err := f.load(page); err != nil {
			return err
		}
		for i := range slots {
			if r := read(f.page[i*slotBytes:]); r.key != (chain.Key{}) {
				some = append(some, r)
			}
		}
		if len(some) >= many || page == f.pages-1 {
			if err := to.put(some); err != nil {
				return err
			}
			some = some[:0]
		}
	}
	return nil
}
