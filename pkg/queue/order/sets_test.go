package order

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// The bits are those of a plain slice, over more than one word of words.
func TestBits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s bitset
	var want []bool
	for range 60_000 {
		switch n := len(want); {
		case r.IntN(3) > 0 || n == 0:
			set := r.IntN(100) == 0
			s.push(set)
			want = append(want, set)
		case r.IntN(3) == 0:
			i := r.IntN(n)
			s.remove(i)
			want = slices.Delete(want, i, i+1)
		default:
			i, set := r.IntN(n), r.IntN(50) == 0
			s.put(i, set)
			want[i] = set
		}
		if i := r.IntN(len(want) + 1); s.next(i) != next(want, i) {
			t.Fatalf("of %d, the next at or behind %d is %d, want %d", len(want), i, s.next(i), next(want, i))
		}
	}
	for len(want) > 0 {
		s.remove(0)
		if want = want[1:]; s.next(0) != next(want, 0) || s.n != len(want) {
			t.Fatalf("of %d, the first is %d, want %d", len(want), s.next(0), next(want, 0))
		}
	}
}

func next(b []bool, i int) int {
	if at := slices.Index(b[i:], true); at >= 0 {
		return i + at
	}
	return -1
}

// The intervals hold what was put in, as few as can be, and survive a snapshot.
func TestIntervals(t *testing.T) {
	for name, most := range map[string]int64{"dense": 20_000, "sparse": math.MaxInt64} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			var s intervals
			want := map[int64]bool{}
			edges := []int64{0, 1, most - 1, most - 2, most - 2, 0}
			for i := range 15_000 {
				v := r.Int64N(most)
				if i < len(edges) {
					v = edges[i]
				}
				s.add(v)
				want[v] = true
			}
			s.add(math.MaxInt64)
			want[math.MaxInt64] = true
			s.add(math.MaxInt64 - 1)
			want[math.MaxInt64-1] = true
			var again intervals
			rd := &reader{rest: s.append(nil)}
			if again.restore(rd); rd.err != nil || len(rd.rest) > 0 {
				t.Fatal(rd.err)
			}
			begins := 0
			for v := range want {
				if !s.has(v) || !again.has(v) {
					t.Fatalf("%d is missing", v)
				}
				if v > 0 && s.has(v-1) != want[v-1] || v < math.MaxInt64 && s.has(v+1) != want[v+1] {
					t.Fatalf("beside %d", v)
				}
				if !want[v-1] {
					begins++
				}
			}
			if s.len() != begins || again.len() != begins {
				t.Fatalf("%d intervals, restored %d, want %d", s.len(), again.len(), begins)
			}
			for _, row := range s.rows {
				if len(row) == 0 || len(row) >= fullRow {
					t.Fatalf("a row has %d intervals", len(row))
				}
			}
		})
	}
}

// The keys are those that were put in, and take little memory.
func TestKeySet(t *testing.T) {
	var s keySet
	const n = 50_000
	for i := range n {
		for range 2 {
			s.add(keyOf(strconv.Itoa(i)))
		}
	}
	var again keySet
	r := &reader{rest: s.append(nil)}
	if again.restore(r); r.err != nil || again.n != n || s.n != n {
		t.Fatal(r.err, again.n, s.n)
	}
	room := 0
	for _, b := range s.buckets {
		room += cap(b)
		if len(b) > 4*fullBucket {
			t.Fatalf("a bucket has %d keys", len(b))
		}
	}
	if room > n*5/4 {
		t.Errorf("%d keys take the room of %d", n, room)
	}
	for i := range 2 * n {
		k := keyOf(strconv.Itoa(i))
		if s.has(k) != (i < n) || again.has(k) != (i < n) {
			t.Fatalf("%d", i)
		}
	}
}

// Blocks stay dense and few, in whatever order entries are removed.
func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var x index
	const n = 50_000
	for i := range n {
		x.add(int64(i), strconv.Itoa(i), 0)
		x.claim(int64(i), i%2 == 0)
	}
	for left, seq := range r.Perm(n) {
		x.remove(int64(seq))
		if left%1000 != 0 {
			continue
		}
		live := 0
		for i, b := range x.blocks {
			free := 0
			for _, e := range b.entries {
				if !e.removed && !e.claimed {
					free++
				}
			}
			if free != b.free {
				t.Fatalf("block %d has %d free entries, and counts %d", i, free, b.free)
			}
			inside := len(b.entries)
			if i < len(x.blocks)-1 && 2*b.live < inside {
				t.Fatalf("block %d has %d entries in the room of %d", i, b.live, inside)
			}
			if set := x.free.next(i) == i; set != (b.free > 0) {
				t.Fatalf("block %d has %d free entries, and its bit is %v", i, b.free, set)
			}
			live += b.live
		}
		if live != n-left-1 || len(x.blocks) > 3+live/(blockSize/8) {
			t.Fatalf("%d live entries in %d blocks; want %d", live, len(x.blocks), n-left-1)
		}
	}
	if len(x.blocks) != 0 || x.free.n != 0 {
		t.Fatalf("all are removed, and there are %d blocks", len(x.blocks))
	}
}
