package order

import "math/bits"

// bitset is a row of bits in which the next one that is set is found in a few steps.
type bitset struct {
	n     int
	words []uint64
	above []uint64 // a bit for each word that is not 0
}

// push appends a bit.
func (s *bitset) push(set bool) {
	if s.n%64 == 0 {
		s.words = append(s.words, 0)
		if len(s.words)%64 == 1 {
			s.above = append(s.above, 0)
		}
	}
	s.n++
	s.put(s.n-1, set)
}

func (s *bitset) put(i int, set bool) {
	w := i / 64
	if set {
		s.words[w] |= 1 << (i % 64)
	} else {
		s.words[w] &^= 1 << (i % 64)
	}
	s.lift(w)
}

func (s *bitset) lift(w int) {
	if s.words[w] != 0 {
		s.above[w/64] |= 1 << (w % 64)
	} else {
		s.above[w/64] &^= 1 << (w % 64)
	}
}

// remove takes a bit out; those behind it move up.
func (s *bitset) remove(i int) {
	w := i / 64
	below := s.words[w] & (1<<(i%64) - 1)
	s.words[w] = s.words[w]>>1&^(1<<(i%64)-1) | below
	for ; w+1 < len(s.words); w++ {
		s.words[w] |= s.words[w+1] << 63
		s.lift(w)
		s.words[w+1] >>= 1
	}
	s.lift(w)
	s.n--
	if s.n%64 == 0 {
		s.words = s.words[:s.n/64]
		s.above = s.above[:(len(s.words)+63)/64]
	}
}

// next is the first bit at or behind i that is set; -1 if none is.
func (s *bitset) next(i int) int {
	if i >= s.n {
		return -1
	}
	w := i / 64
	if word := s.words[w] >> (i % 64); word != 0 {
		return i + bits.TrailingZeros64(word)
	}
	w++
	for a := w / 64; a < len(s.above); a++ {
		word := s.above[a]
		if a == w/64 {
			word &^= 1<<(w%64) - 1
		}
		if word != 0 {
			w = a*64 + bits.TrailingZeros64(word)
			return w*64 + bits.TrailingZeros64(s.words[w])
		}
	}
	return -1
}
