package nsh

import "encoding/binary"

// Bounds of the fields.
const (
	// MaxSPI is the largest service path identifier: 24 bits.
	MaxSPI = 1<<24 - 1
	// MaxTTL is the largest TTL, and what a packet begins with (section 2.2).
	MaxTTL = 63
	// FirstIndex is the service index that a packet begins with (section 2.3).
	FirstIndex = 255
	// MaxContext is how many bytes of TLVs a header has at most: 63 words, without 2.
	MaxContext = 61 * 4

	fixed      = 8  // bytes of the base header and the service path header
	context1   = 16 // bytes of the context of MD type 1
	wordLength = 4
)

// MDType says what the context of a header is.
type MDType uint8

// The MD types of section 2.2.
const (
	// MDType1 has a context of 16 bytes.
	MDType1 MDType = 1
	// MDType2 has TLVs, or none.
	MDType2 MDType = 2
)

// Protocol is what follows a header: the same numbers are used by NSH and by VXLAN-GPE.
type Protocol uint8

// Protocols of RFC 8300, section 2.2, and of draft-ietf-nvo3-vxlan-gpe.
const (
	IPv4     Protocol = 1
	IPv6     Protocol = 2
	Ethernet Protocol = 3
	NSH      Protocol = 4
	MPLS     Protocol = 5
)

// Header is a Network Service Header.
type Header struct {
	// SPI names the service path: 0 to MaxSPI. SI says which of its functions is next.
	SPI uint32
	SI  uint8
	// TTL is 0 to MaxTTL.
	TTL uint8
	// OAM marks a packet of operations, administration and maintenance.
	OAM  bool
	Type MDType
	Next Protocol
	// Context is that of the type: 16 bytes, or TLVs (see EachTLV), at most MaxContext bytes. That
	// of a header which was decoded is a part of the packet.
	Context []byte
}

// Len is how many bytes the header has.
func (h *Header) Len() int { return fixed + len(h.Context) }

// Append writes the header behind dst. The error is a Malformed.
func (h *Header) Append(dst []byte) ([]byte, error) {
	switch {
	case h.TTL > MaxTTL:
		return dst, BadTTL
	case h.SPI > MaxSPI:
		return dst, BadPath
	case h.Type != MDType1 && h.Type != MDType2:
		return dst, BadMDType
	case h.Type == MDType1 && len(h.Context) != context1:
		return dst, BadContext
	case h.Type == MDType2:
		if len(h.Context) > MaxContext {
			return dst, BadLength
		}
		if err := EachTLV(h.Context, func(TLV) bool { return true }); err != nil {
			return dst, err
		}
	}
	word := uint32(h.TTL)<<22 | uint32(h.Len()/wordLength)<<16 | uint32(h.Type)<<8 | uint32(h.Next)
	if h.OAM {
		word |= 1 << 29
	}
	dst = binary.BigEndian.AppendUint32(dst, word)
	dst = binary.BigEndian.AppendUint32(dst, h.SPI<<8|uint32(h.SI))
	return append(dst, h.Context...), nil
}

// Decode reads the header that a packet begins with, and returns what follows it. Neither is a
// copy. The error is a Malformed.
func Decode(b []byte) (h Header, payload []byte, err error) {
	p, err := Check(b)
	if err != nil {
		return Header{}, nil, err
	}
	n := p.HeaderLen()
	h = Header{
		SPI: p.Path() >> 8, SI: p.SI(), TTL: p.TTL(), OAM: p.OAM(),
		Type: MDType(p[2] & 0xf), Next: p.Next(), Context: p[fixed:n:n],
	}
	if h.Type == MDType2 {
		if err := EachTLV(h.Context, func(TLV) bool { return true }); err != nil {
			return Header{}, nil, err
		}
	}
	return h, p[n:], nil
}
