// Package storetest is the contract of the allocator's store: what every place that keeps
// its spaces must do.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/spanway/spanway/services/allocator/store"
)

// Store is what the contract is about.
type Store interface {
	Propose(ctx context.Context, b store.Batch) ([]store.Proposal, error)
	Fill(ctx context.Context, space store.Space, free []store.Range) (behind bool, err error)
	Holds(ctx context.Context, space string) (store.State, error)
	Return(ctx context.Context, space string, abandoned []store.Grant, free []store.Range) error
	Forget(ctx context.Context, space string) error
}

// Run checks the contract. open returns a store on the same data each time.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	s, other := open(t), open(t)
	for name, test := range map[string]func(t *testing.T, s, other Store, space store.Space){
		"a space that is unknown is filled":           unknown,
		"a request is proposed the same again":        again,
		"the best fit comes before growth":            bestFit,
		"what is freed is proposed, once":             freedOnce,
		"a store that forgot what is freed is filled": freedBefore,
		"what is refused is forgotten":                refused,
		"what is granted is taken":                    granted,
		"what is held and not granted is returned":    returned,
		"a store that is behind is raised":            raised,
		"two stores never propose the same":           disjoint,
		"the end of a space is used to the last":      toTheLast,
		"a space that is forgotten is unknown":        forgotten,
		"more free ranges than are held are no harm":  many,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, s, other, store.Space{Name: "space {of} " + name, From: 1, To: 1000, Next: 1})
		})
	}
}

func propose(t *testing.T, s Store, b store.Batch) []store.Proposal {
	t.Helper()
	out, err := s.Propose(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func fill(t *testing.T, s Store, space store.Space, free ...store.Range) bool {
	t.Helper()
	behind, err := s.Fill(t.Context(), space, free)
	if err != nil {
		t.Fatal(err)
	}
	return behind
}

// wants proposes one range and compares it.
func wants(t *testing.T, s Store, space store.Space, id string, count int64, want string) {
	t.Helper()
	p := propose(t, s, store.Batch{Space: space, Wants: []store.Want{{RequestID: id, Count: count}}})[0]
	got := "none"
	if p.Found {
		got = p.Range.String()
	}
	if got != want {
		t.Errorf("%d for %s: %s, want %s", count, id, got, want)
	}
}

func unknown(t *testing.T, s, other Store, space store.Space) {
	_, err := s.Propose(t.Context(), store.Batch{Space: space, Wants: []store.Want{{RequestID: "a", Count: 1}}})
	if !errors.Is(err, store.ErrUnknown) {
		t.Fatalf("an empty store: %v", err)
	}
	space.Next = 100
	if !fill(t, s, space, store.Range{From: 10, To: 11}) {
		t.Error("an empty store is not behind")
	}
	wants(t, other, space, "a", 2, "10-11")
	wants(t, other, space, "b", 2, "100-101")
}

func again(t *testing.T, s, other Store, space store.Space) {
	fill(t, s, space)
	wants(t, s, space, "a", 5, "1-5")
	wants(t, s, space, "b", 5, "6-10")
	wants(t, other, space, "a", 5, "1-5")
	wants(t, other, space, "a", 6, "11-16") // The log judges whether that is the same request.
}

func bestFit(t *testing.T, s, _ Store, space store.Space) {
	space.Next = 500
	fill(t, s, space, store.Range{From: 10, To: 19}, store.Range{From: 30, To: 32}, store.Range{From: 40, To: 44})
	wants(t, s, space, "a", 3, "30-32")
	wants(t, s, space, "b", 4, "40-43")
	wants(t, s, space, "c", 4, "10-13")
	wants(t, s, space, "d", 7, "500-506")
	wants(t, s, space, "e", 1, "44-44")
}

func freedOnce(t *testing.T, s, other Store, space store.Space) {
	space.Next, space.At = 100, 10
	fill(t, s, space)
	space.At = 21
	b := store.Batch{Space: space, Since: 10, Freed: []store.Freed{{Range: store.Range{From: 40, To: 44}, Offset: 20}, {Range: store.Range{From: 1, To: 9}, Offset: 9}}}
	b.Wants = []store.Want{{RequestID: "a", Count: 5}}
	if p := propose(t, s, b)[0]; p.Range.String() != "40-44" {
		t.Errorf("what is freed is not proposed: %v", p)
	}
	b.Wants = []store.Want{{RequestID: "b", Count: 5}} // Another one has folded the same.
	if p := propose(t, other, b)[0]; p.Range.String() != "100-104" {
		t.Errorf("what was freed and told before is proposed: %v", p)
	}
	b.Space.At, b.Freed = 31, append(b.Freed, store.Freed{Range: store.Range{From: 45, To: 46}, Offset: 30})
	b.Wants = []store.Want{{RequestID: "c", Count: 2}}
	if p := propose(t, other, b)[0]; p.Range.String() != "45-46" {
		t.Errorf("what is freed since is not proposed: %v", p)
	}
}

func freedBefore(t *testing.T, s, _ Store, space store.Space) {
	space.At = 10
	fill(t, s, space)
	_, err := s.Propose(t.Context(), store.Batch{Space: space, Since: 11})
	if !errors.Is(err, store.ErrUnknown) {
		t.Errorf("a store that was told less: %v", err)
	}
}

func refused(t *testing.T, s, _ Store, space store.Space) {
	fill(t, s, space)
	wants(t, s, space, "a", 5, "1-5")
	p := propose(t, s, store.Batch{Space: space, Refused: []string{"a"}, Wants: []store.Want{{RequestID: "a", Count: 5}}})[0]
	if p.Range.String() != "6-10" {
		t.Errorf("after a refusal: %v", p)
	}
}

func granted(t *testing.T, s, _ Store, space store.Space) {
	fill(t, s, space)
	wants(t, s, space, "a", 5, "1-5")
	propose(t, s, store.Batch{Space: space, Granted: []store.Grant{
		{RequestID: "a", Range: store.Range{From: 1, To: 5}}, {RequestID: "of others", Range: store.Range{From: 8, To: 10}},
	}})
	held, err := s.Holds(t.Context(), space.Name)
	if err != nil || len(held.Proposed) != 0 || held.Next != 11 || len(held.Free) != 1 || held.Free[0].String() != "6-7" {
		t.Errorf("%+v %v", held, err)
	}
	wants(t, s, space, "b", 2, "6-7")
}

func returned(t *testing.T, s, _ Store, space store.Space) {
	fill(t, s, space)
	wants(t, s, space, "a", 5, "1-5")
	wants(t, s, space, "b", 5, "6-10")
	gone := []store.Grant{{RequestID: "a", Range: store.Range{From: 1, To: 5}}, {RequestID: "b", Range: store.Range{From: 99, To: 99}}}
	err := s.Return(t.Context(), space.Name, gone, []store.Range{{From: 1, To: 5}, {From: 6, To: 10}, {From: 10, To: 11}})
	if err != nil {
		t.Fatal(err)
	}
	held, err := s.Holds(t.Context(), space.Name)
	if err != nil || len(held.Proposed) != 1 || len(held.Free) != 1 || held.Free[0].String() != "1-5" {
		t.Errorf("%+v %v", held, err)
	}
}

func raised(t *testing.T, s, _ Store, space store.Space) {
	space.Next = 50
	fill(t, s, space, store.Range{From: 1, To: 49})
	wants(t, s, space, "a", 5, "1-5")
	if fill(t, s, space, store.Range{From: 1, To: 49}) {
		t.Error("a store that fits the log is behind")
	}
	wants(t, s, space, "b", 5, "6-10")
	space.Next = 200 // The log has granted all but 40 to 49 since.
	if !fill(t, s, space, store.Range{From: 40, To: 49}) {
		t.Error("a store with what the log has granted is not behind")
	}
	wants(t, s, space, "a", 5, "40-44")
	wants(t, s, space, "c", 10, "200-209")
}

func disjoint(t *testing.T, s, other Store, space store.Space) {
	fill(t, s, space)
	var mu sync.Mutex
	seen := map[int64]string{}
	var all sync.WaitGroup
	for i := range 8 {
		from := s
		if i%2 == 1 {
			from = other
		}
		all.Go(func() {
			for j := range 20 {
				id := fmt.Sprintf("%d-%d", i, j)
				out, err := from.Propose(t.Context(), store.Batch{Space: space, Wants: []store.Want{{RequestID: id, Count: 3}}})
				if err != nil || !out[0].Found {
					t.Errorf("%s: %v %v", id, out, err)
					return
				}
				mu.Lock()
				for n := out[0].Range.From; n <= out[0].Range.To; n++ {
					if of, taken := seen[n]; taken {
						t.Errorf("%d is proposed for %s and for %s", n, of, id)
					}
					seen[n] = id
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(seen) != 8*20*3 {
		t.Errorf("%d identifiers were proposed", len(seen))
	}
}

func toTheLast(t *testing.T, s, _ Store, space store.Space) {
	space.To, space.Next = 20, 11
	fill(t, s, space, store.Range{From: 3, To: 5}, store.Range{From: 8, To: 10})
	wants(t, s, space, "a", 14, "none")
	wants(t, s, space, "b", 13, "8-20")
	wants(t, s, space, "c", 4, "none")
	wants(t, s, space, "d", 3, "3-5")
	wants(t, s, space, "e", 1, "none")
	space.To = 21
	wants(t, s, space, "e", 1, "21-21")
}

func forgotten(t *testing.T, s, other Store, space store.Space) {
	fill(t, s, space)
	if err := s.Forget(t.Context(), space.Name); err != nil {
		t.Fatal(err)
	}
	held, err := other.Holds(t.Context(), space.Name)
	if err != nil || held.Known || len(held.Proposed) > 0 {
		t.Errorf("%+v %v", held, err)
	}
}

func many(t *testing.T, s, _ Store, space store.Space) {
	space.To, space.Next = 10_000, 10_001
	var free []store.Range
	for n := int64(1); n < 5000; n += 2 {
		free = append(free, store.Range{From: n, To: n})
	}
	fill(t, s, space, append(free, store.Range{From: 6000, To: 6001})...)
	wants(t, s, space, "a", 2, "6000-6001")
	held, err := s.Holds(t.Context(), space.Name)
	if err != nil || len(held.Free) != store.MaxFree-1 {
		t.Errorf("%d free ranges are held, %v", len(held.Free), err)
	}
	wants(t, s, space, "b", 1, "1-1")
}
