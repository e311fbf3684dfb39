package client

// recent is a map that forgets its oldest entry when it is full.
type recent[K comparable, V any] struct {
	entries map[K]V
	order   []K // a ring; at next stands the oldest once it is full
	next    int
	limit   int
}

func newRecent[K comparable, V any](limit int) recent[K, V] {
	return recent[K, V]{entries: map[K]V{}, limit: limit}
}

func (r *recent[K, V]) get(k K) (V, bool) {
	v, ok := r.entries[k]
	return v, ok
}

// each replaces the value of every entry.
func (r *recent[K, V]) each(with func(V) V) {
	for k, v := range r.entries {
		r.entries[k] = with(v)
	}
}

// put adds or replaces an entry; a replaced one does not become younger.
func (r *recent[K, V]) put(k K, v V) {
	if _, known := r.entries[k]; known {
		r.entries[k] = v
		return
	}
	if len(r.order) < r.limit {
		r.order = append(r.order, k)
	} else {
		delete(r.entries, r.order[r.next])
		r.order[r.next] = k
		r.next = (r.next + 1) % r.limit
	}
	r.entries[k] = v
}
