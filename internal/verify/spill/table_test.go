package spill

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/spanway/spanway/internal/verify/chain"
)

// TestATableIsAMap: whatever is put, in memory or in the file, over its growth, is what a
// map has.
func TestATableIsAMap(t *testing.T) {
	t.Parallel()
	for name, mask := range map[string]byte{
		"keys anywhere":              0xFF,
		"keys of neighbouring pages": 0, // so that pages are full and continue in the next ones
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, want := newTable(t.TempDir(), 100, 256), chain.Heap{}
			random := rand.New(rand.NewPCG(1, 2))
			key := func() chain.Key {
				k := chain.KeyOf("k", random.Uint64N(4000))
				k[0] &= 3
				k[1] &= mask
				return k
			}
			for i := range int64(8_000) {
				k := key()
				fact := chain.Fact{Offset: i, AtMs: -i, Number: i * i}
				table.Put(k, fact)
				want.Put(k, fact)
				k = key()
				got, ok := table.Get(k)
				if other, known := want.Get(k); ok != known || got != other {
					t.Fatalf("after %d: %x is %+v, %t; want %+v, %t", i, k, got, ok, other, known)
				}
			}
			if table.file == nil || table.file.facts < 2000 {
				t.Error("nearly nothing came to the file")
			}
			if err := errors.Join(table.Err(), table.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTheTableGrows: it is copied into a larger one, with all that it has.
func TestTheTableGrows(t *testing.T) {
	t.Parallel()
	const pages = 16
	dir := t.TempDir()
	table := newTable(dir, 500, pages)
	const facts = pages*growth*slots*2/3 - 1000
	for i := range uint64(facts) {
		table.Put(chain.KeyOf("k", i), chain.Fact{Offset: int64(i)})
	}
	if table.file.pages != pages*growth {
		t.Errorf("the file has %d pages for %d facts", table.file.pages, facts)
	}
	for i := range uint64(facts) {
		if fact, ok := table.Get(chain.KeyOf("k", i)); !ok || fact.Offset != int64(i) {
			t.Fatalf("fact %d of %d is %+v, %t", i, facts, fact, ok)
		}
	}
	if err := errors.Join(table.Err(), table.Close()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestSmallNeedsNoFile, nor a directory.
func TestSmallNeedsNoFile(t *testing.T) {
	t.Parallel()
	table := newTable("/nonexistent", 100, 1)
	for i := range uint64(99) {
		table.Put(chain.KeyOf("k", i), chain.Fact{})
	}
	if err := errors.Join(table.Err(), table.Close()); err != nil {
		t.Error(err)
	}
}

// TestAFileThatCannotBe is an error, and takes no memory.
func TestAFileThatCannotBe(t *testing.T) {
	t.Parallel()
	table := newTable("/nonexistent", 100, 1)
	for i := range uint64(1000) {
		table.Put(chain.KeyOf("k", i), chain.Fact{})
	}
	if err := table.Err(); !errors.Is(err, os.ErrNotExist) || len(table.recent) > 0 {
		t.Errorf("%v, %d facts in memory", err, len(table.recent))
	}
}
