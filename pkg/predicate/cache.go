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
	byText map[cacheKey]*list.Element
	recent *list.List
}

type cacheKey struct {
	language *language
	text     string
}

type cached struct {
	cacheKey
	predicate  *Predicate
	preference *Preference
	err        error
}

// NewCache makes a cache of at most limit predicates; 0 means 4,096.
func NewCache(limit int) *Cache {
	if limit <= 0 {
		limit = 4096
	}
	return &Cache{limit: limit, byText: make(map[cacheKey]*list.Element), recent: list.New()}
}

// Compile is Compile, remembered. Text beyond MaxBytes is refused, not kept.
func (c *Cache) Compile(text string) (*Predicate, error) {
	if text == "" {
		return always, nil
	}
	e := c.get(cacheKey{asks, text})
	return e.predicate, e.err
}

// Accepts is CompileAccepts, remembered.
func (c *Cache) Accepts(text string) (*Predicate, error) {
	if text == "" {
		return always, nil
	}
	e := c.get(cacheKey{accepts, text})
	return e.predicate, e.err
}

// Prefer is CompilePrefer, remembered.
func (c *Cache) Prefer(text string) (*Preference, error) {
	if text == "" {
		return nil, nil
	}
	e := c.get(cacheKey{prefers, text})
	return e.preference, e.err
}

func (c *Cache) get(key cacheKey) *cached {
	if len(key.text) <= MaxBytes {
		if e := c.find(key); e != nil {
			return e
		}
	}
	// Compiled outside of the lock: two may do it at once, to the same effect.
	e := &cached{cacheKey: key}
	if key.language == prefers {
		e.preference, e.err = CompilePrefer(key.text)
	} else {
		e.predicate, e.err = compilePredicate(key.language, key.text)
	}
	if len(key.text) <= MaxBytes {
		c.keep(e)
	}
	return e
}

func (c *Cache) find(key cacheKey) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.byText[key]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(el)
	return el.Value.(*cached)
}

func (c *Cache) keep(e *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byText[e.cacheKey]; ok {
		return
	}
	c.byText[e.cacheKey] = c.recent.PushFront(e)
	for c.recent.Len() > c.limit {
		oldest := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.byText, oldest.cacheKey)
	}
}
