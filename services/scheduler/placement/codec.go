package placement

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// codec visits the folded state, to write it or to read it. Both directions are
// the same code: a visitor is given the place of a value, from which it is
// written, or into which it is read. So they cannot diverge, and a new field is
// added in one place.
//
// Numbers are varints, signed ones zigzag; what has an order is written in it,
// and maps by their sorted keys: equal states give equal bytes. Reading stops at
// the first thing that is not as expected, and gives zeros from there on.
type codec struct {
	s       *State
	reading bool
	// out is what was written; in is read, from at on.
	out, in []byte
	at      int
	err     error

	// words are texts that come often: each is written once.
	words   []string
	numbers map[string]int
	// tables of the pools, in the order of the pools.
	tables []*table
	base   bases
}

// bases are what neighbours in a list differ from little.
type bases struct {
	seq                                      uint64
	acceptedAt, payloadAt, endedOffset, aged int64
}

func (c *codec) fail(expected string) {
	if c.err == nil {
		c.err = fmt.Errorf("restore a placement state: at byte %d of %d: expected %s", c.at, len(c.in), expected)
	}
}

// expect fails a reader if ok is false.
func (c *codec) expect(ok bool, expected string) bool {
	if c.reading && !ok {
		c.fail(expected)
	}
	return c.err == nil
}

// uvarint is what all numbers are made of.
func (c *codec) uvarint(v uint64) uint64 {
	if !c.reading {
		c.out = binary.AppendUvarint(c.out, v)
		return v
	}
	if c.err != nil {
		return 0
	}
	v, n := binary.Uvarint(c.in[c.at:])
	if n <= 0 {
		c.fail("a number")
		return 0
	}
	c.at += n
	return v
}

// number visits a signed number.
func number[T ~int | ~int32 | ~int64](c *codec, v *T) {
	x := int64(*v)
	u := c.uvarint(uint64(x)<<1 ^ uint64(x>>63))
	if c.reading {
		x = int64(u>>1) ^ -int64(u&1)
		if *v = T(x); int64(*v) != x {
			c.fail("a smaller number")
		}
	}
}

// counter visits an unsigned number.
func counter[T ~uint8 | ~uint32 | ~uint64](c *codec, v *T) {
	u := c.uvarint(uint64(*v))
	if c.reading {
		if *v = T(u); uint64(*v) != u {
			c.fail("a smaller number")
		}
	}
}

// one visits one of the values from 0 to last.
func one[T ~uint8](c *codec, v *T, last T) {
	counter(c, v)
	if c.reading && *v > last {
		*v = 0
		c.fail(fmt.Sprintf("a number of at most %d", last))
	}
}

// delta visits a number as its distance from the one before it in the list.
func delta[T ~int64 | ~uint64](c *codec, v, base *T) {
	d := int64(*v - *base)
	number(c, &d)
	*v = *base + T(d)
	*base = *v
}

func (c *codec) float(v *float64) {
	if b := c.raw(8); c.reading {
		*v = math.Float64frombits(binary.BigEndian.Uint64(b))
	} else {
		binary.BigEndian.PutUint64(b, math.Float64bits(*v))
	}
}

// bits visits up to eight Booleans in one byte.
func (c *codec) bits(bs ...*bool) {
	var x uint8
	for i, b := range bs {
		if *b {
			x |= 1 << i
		}
	}
	one(c, &x, uint8(1<<len(bs)-1))
	for i, b := range bs {
		*b = x&(1<<i) != 0
	}
}

// present visits whether something is there; the writer says so.
func (c *codec) present(there bool) bool {
	c.bits(&there)
	return there
}

// raw is n bytes to read, or to write into.
func (c *codec) raw(n int) []byte {
	if !c.reading {
		c.out = append(c.out, make([]byte, n)...)
		return c.out[len(c.out)-n:]
	}
	if c.err != nil || len(c.in)-c.at < n {
		c.fail(fmt.Sprintf("%d bytes", n))
		return make([]byte, n)
	}
	c.at += n
	return c.in[c.at-n : c.at]
}

func (c *codec) text(v *string) {
	n := c.length(len(*v), 1)
	if !c.reading {
		c.out = append(c.out, *v...)
		return
	}
	*v = string(c.in[c.at : c.at+n])
	c.at += n
}

// word visits a text that comes often.
func (c *codec) word(v *string) {
	n := 0
	if !c.reading && *v != "" {
		var ok bool
		if n, ok = c.numbers[*v]; !ok {
			n = len(c.words) + 1
		}
	}
	n = int(c.uvarint(uint64(n)))
	switch {
	case n == 0:
		*v = ""
	case n > 0 && n <= len(c.words):
		*v = c.words[n-1]
	case c.expect(n == len(c.words)+1, "the number of a word"):
		c.text(v)
		c.words = append(c.words, *v)
		if !c.reading {
			c.numbers[*v] = n
		}
	}
}

// length visits how many things follow that take at least least bytes each. A
// reader gets no more than can follow, so what it makes room for is justified.
func (c *codec) length(n, least int) int {
	u := c.uvarint(uint64(n))
	if c.reading {
		if left := uint64(len(c.in) - c.at); u > left/uint64(least) {
			c.fail(fmt.Sprintf("a length of at most %d", left/uint64(least)))
			return 0
		}
	}
	return int(u)
}

// list visits a slice whose things take at least least bytes each.
func list[T any](c *codec, items *[]T, least int, each func(*T)) {
	n := c.length(len(*items), least)
	if c.reading {
		*items = nil
		if n > 0 {
			*items = make([]T, n)
		}
	}
	for i := range *items {
		if each(&(*items)[i]); c.err != nil {
			return
		}
	}
}

// dictionary visits a map by its sorted keys.
func dictionary[V any](c *codec, m *map[string]V, each func(*V)) {
	keys := slices.Sorted(maps.Keys(*m))
	n := c.length(len(keys), 2)
	if c.reading {
		keys = make([]string, n)
		if *m == nil && n > 0 {
			*m = make(map[string]V, n)
		}
	}
	for i := range keys {
		c.word(&keys[i])
		v := (*m)[keys[i]]
		each(&v)
		if !c.expect(i == 0 || keys[i-1] < keys[i], "names in order") {
			return
		}
		if c.reading {
			(*m)[keys[i]] = v
		}
	}
}
