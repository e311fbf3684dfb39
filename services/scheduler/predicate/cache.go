package predicate

import (
	"container/list"
	"sync"
)

// Cache keeps compiled predicates by their text, refused ones included, and
// forgets the least recently used. It is safe for concurrent use; the zero
// value is not, use NewCache.
type Cache struct {
	mu     sync.Mutex
	limit  int
	byText map[string]*list.Element
	recent *list.List
}

type cached struct {
	text      string
	predicate *Predicate
	err       error
}

// NewCache makes a cache of at most limit predicates; 0 means 4,096.
func NewCache(limit int) *Cache {
	if limit <= 0 {
		limit = 4096
	}
	return &Cache{limit: limit, byText: make(map[string]*list.Element), recent: list.New()}
}

// Compile is Compile, remembered. Text beyond MaxBytes is refused, not kept.
func (c *Cache) Compile(text string) (*Predicate, error) {
	if text == "" {
		return always, nil
	}
	if len(text) > MaxBytes {
		return Compile(text)
	}
	if e := c.find(text); e != nil {
		return e.predicate, e.err
	}
	// Compiled outside of the lock: two may do it at once, to the same effect.
	p, err := Compile(text)
	c.keep(&cached{text: text, predicate: p, err: err})
	return p, err
}

func (c *Cache) find(text string) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byText[text]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(el)
	return el.Value.(*cached)
}

func (c *Cache) keep(e *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byText[e.text]; ok {
		return
	}
	c.byText[e.text] = c.recent.PushFront(e)
	for c.recent.Len() > c.limit {
		oldest := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.byText, oldest.text)
	}
}
