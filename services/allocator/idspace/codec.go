package idspace

import (
	"encoding/binary"
	"errors"
	"math"
)

// codec visits values, to write them or to read them: both directions are the same code.
// Reading stops at the first thing that is not as expected, and gives zeros from there on.
type codec struct {
	reading bool
	alone   bool // no two grants that are read have one offset
	out, in []byte
	err     error
}

var errState = errors.New("restore the spaces of identifiers: the state is malformed")

// expect fails a reader if ok is false.
func (c *codec) expect(ok bool) bool {
	if c.reading && !ok && c.err == nil {
		c.err = errState
	}
	return c.err == nil
}

// number visits a number that is not negative.
func (c *codec) number(v *int64) {
	if !c.reading {
		c.out = binary.AppendUvarint(c.out, uint64(*v))
		return
	}
	*v = 0
	if c.err != nil {
		return
	}
	u, n := binary.Uvarint(c.in)
	if c.expect(n > 0 && u <= math.MaxInt64) {
		*v, c.in = int64(u), c.in[n:]
	}
}

// up visits a number that is at least least.
func (c *codec) up(v *int64, least int64) {
	d := *v - least
	c.number(&d)
	if c.expect(d <= math.MaxInt64-max(0, least)) {
		*v = least + d
	}
}

func (c *codec) flag(v *bool) {
	n := int64(0)
	if *v {
		n = 1
	}
	c.number(&n)
	c.expect(n <= 1)
	*v = n == 1
}

func (c *codec) text(v *string) {
	n := int64(len(*v))
	c.number(&n)
	switch {
	case !c.reading:
		c.out = append(c.out, *v...)
	case c.expect(n <= int64(len(c.in))):
		*v, c.in = string(c.in[:n]), c.in[n:]
	}
}

// list visits items until one is not as expected. Each takes at least one byte.
func (c *codec) list(n int, item func(i int)) {
	length := int64(n)
	c.number(&length)
	c.expect(length <= int64(len(c.in)))
	for i := 0; i < int(length) && c.err == nil; i++ {
		item(i)
	}
}
