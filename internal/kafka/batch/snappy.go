package batch

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var errSnappy = errors.New("snappy: a block contradicts itself")

// snappyReader opens blocks of snappy in pieces, plain or in the framing of
// snappy-java. The library opens a block only as a whole.
type snappyReader struct {
	in     *bufio.Reader
	framed bool
	// left is what the block still has to open to; -1 between blocks.
	left int64
	// window is how far a copy may look back. Some writers do as far as a block reaches.
	window int
	out    []byte // of the block: the window, and from at on what was not read yet
	at     int
}

func newSnappyReader(r io.Reader) (*snappyReader, error) {
	s := &snappyReader{in: bufio.NewReader(r), left: -1, window: maxWindow}
	head, err := s.in.Peek(xerialHeader)
	if err == nil && bytes.HasPrefix(head, xerial) {
		s.framed = true
		_, err = s.in.Discard(xerialHeader)
	}
	if errors.Is(err, io.EOF) {
		err = nil // a short plain block
	}
	return s, err
}

func (s *snappyReader) Read(b []byte) (int, error) {
	for s.at == len(s.out) {
		switch {
		case s.left > 0:
			if err := s.element(); err != nil {
				return 0, notEOF(err)
			}
		case s.left == 0 && !s.framed:
			return 0, io.EOF
		default:
			if err := s.begin(); err != nil {
				return 0, err
			}
		}
	}
	n := copy(b, s.out[s.at:])
	s.at += n
	return n, nil
}

// begin begins a block; io.EOF says that there is none.
func (s *snappyReader) begin() error {
	if s.framed {
		var length [4]byte // of the compressed block, which the elements tell, too
		if _, err := io.ReadFull(s.in, length[:]); err != nil {
			return err
		}
	}
	n, err := binary.ReadUvarint(s.in)
	if err != nil {
		return notEOF(err)
	}
	if n > 1<<32-1 {
		return fmt.Errorf("%w: it claims %d bytes", errSnappy, n)
	}
	s.left, s.out, s.at = int64(n), s.out[:0], 0
	return nil
}

// element opens one element of a block: bytes, or a copy of what stands before.
func (s *snappyReader) element() error {
	if len(s.out) >= s.window+s.window/8 {
		s.out = append(s.out[:0], s.out[len(s.out)-s.window:]...)
		s.at = len(s.out)
	}
	tag, err := s.in.ReadByte()
	if err != nil {
		return err
	}
	n := int64(tag >> 2)
	switch tag & 3 {
	case 0:
		if n >= 60 {
			if n, err = s.number(int(n) - 59); err != nil {
				return err
			}
		}
		return s.literal(n + 1)
	case 1:
		low, err := s.number(1)
		if err != nil {
			return err
		}
		return s.copy(4+(n&7), n>>3<<8|low)
	default:
		offset, err := s.number(int(tag&2) << (tag & 1)) // 2 bytes, or 4
		if err != nil {
			return err
		}
		return s.copy(n+1, offset)
	}
}

// number reads a little-endian number of that many bytes.
func (s *snappyReader) number(bytes int) (n int64, err error) {
	for i := range bytes {
		b, err := s.in.ReadByte()
		if err != nil {
			return 0, err
		}
		n |= int64(b) << (8 * i)
	}
	return n, nil
}

// literal takes bytes as they are: at most as many as are there, whatever it claims.
func (s *snappyReader) literal(n int64) error {
	if n > s.left {
		return errSnappy
	}
	s.left -= n
	before := len(s.out)
	out := bytes.NewBuffer(s.out)
	_, err := io.CopyN(out, s.in, n)
	s.out = out.Bytes()
	s.at = before
	return err
}

func (s *snappyReader) copy(n, offset int64) error {
	if n > s.left || offset == 0 || offset > int64(len(s.out)) {
		return errSnappy
	}
	s.left -= n
	s.at = len(s.out)
	for from := len(s.out) - int(offset); n > 0; n-- {
		s.out = append(s.out, s.out[from]) // what is copied may be what was copied
		from++
	}
	return nil
}

// notEOF: the end of the input within a block is no end.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
