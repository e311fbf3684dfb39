package idmap_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/internal/idmap"
)

func id(n int) (id idmap.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// differs says where a map is not what it should be.
func differs(m *idmap.Map, want map[idmap.ID]int64, all int) error {
	if m.Len() != len(want) {
		return fmt.Errorf("it has %d IDs, not %d", m.Len(), len(want))
	}
	for n := range all {
		got, ok := m.Get(id(n))
		if v, held := want[id(n)]; ok != held || ok && got != v {
			return fmt.Errorf("of ID %d it says %d, %v, not %d, %v", n, got, ok, v, held)
		}
	}
	return nil
}

// TestMapIsAMap puts IDs in and takes them out again, many and few, beside a map of Go.
func TestMapIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SampledFrom([]int{1, 50, 5000}).Draw(t, "all")
		m, want := &idmap.Map{}, map[idmap.ID]int64{}
		if rapid.Bool().Draw(t, "at once") {
			var ids []idmap.ID
			var numbers []int64
			for range rapid.IntRange(0, all).Draw(t, "given") {
				n := rapid.IntRange(0, all-1).Draw(t, "n")
				ids, numbers = append(ids, id(n)), append(numbers, int64(3*n+len(ids)))
				want[id(n)] = numbers[len(numbers)-1]
			}
			m = idmap.Of(ids, numbers)
		}
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			from := rapid.IntRange(0, all).Draw(t, "from")
			to := rapid.IntRange(from, all).Draw(t, "to")
			put := rapid.Bool().Draw(t, "put")
			for n := from; n < to; n++ {
				if put {
					m.Put(id(n), int64(n))
					want[id(n)] = int64(n)
				} else {
					m.Delete(id(n))
					delete(want, id(n))
				}
			}
			if err := differs(m, want, all); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestOfPlaces: without numbers those of the IDs are their places.
func TestOfPlaces(t *testing.T) {
	m := idmap.Of([]idmap.ID{id(7), id(9), id(7)}, nil)
	if err := differs(m, map[idmap.ID]int64{id(7): 2, id(9): 1}, 10); err != nil {
		t.Fatal(err)
	}
}

const million = 1_000_000

func ids() []idmap.ID {
	out := make([]idmap.ID, million)
	for n := range out {
		out[n] = id(n)
	}
	return out
}

// BenchmarkMillion puts a million IDs in: at once, one after the other, and into a map of
// Go that has room for them.
func BenchmarkMillion(b *testing.B) {
	all := ids()
	b.Run("Of", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			idmap.Of(all, nil)
		}
	})
	b.Run("Put", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m := &idmap.Map{}
			for i := range all {
				m.Put(all[i], int64(i))
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m := make(map[idmap.ID]int64, million)
			for i := range all {
				m[all[i]] = int64(i)
			}
		}
	})
}

// BenchmarkGet looks IDs up in a million.
func BenchmarkGet(b *testing.B) {
	all := ids()
	b.Run("Map", func(b *testing.B) {
		m := idmap.Of(all, nil)
		for i := 0; b.Loop(); i++ {
			m.Get(all[i*7919%million])
		}
	})
	b.Run("map", func(b *testing.B) {
		m := make(map[idmap.ID]int64, million)
		for i := range all {
			m[all[i]] = int64(i)
		}
		for i := 0; b.Loop(); i++ {
			_ = m[all[i*7919%million]]
		}
	})
}
