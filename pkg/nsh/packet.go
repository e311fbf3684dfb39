package nsh

import "encoding/binary"

// Packet is a packet that begins with a Network Service Header, as Check has found it to be. Its
// methods must not be called on another one.
type Packet []byte

// Check finds out whether a packet begins with a header that may be read and rewritten in place.
// TLVs are not looked at: one that forwards does not need them. The error is a Malformed.
func Check(b []byte) (Packet, error) {
	switch {
	case len(b) < fixed:
		return nil, Short
	case b[0]>>6 != 0:
		return nil, BadVersion
	}
	words := int(b[1] & 0x3f)
	switch MDType(b[2] & 0xf) {
	case MDType1:
		if words != (fixed+context1)/wordLength {
			return nil, BadLength
		}
	case MDType2:
		if words < fixed/wordLength {
			return nil, BadLength
		}
	default:
		return nil, BadMDType
	}
	if len(b) < words*wordLength {
		return nil, Short
	}
	return b, nil
}

// HeaderLen is how many bytes the header has.
func (p Packet) HeaderLen() int { return int(p[1]&0x3f) * wordLength }

// Payload is what follows the header.
func (p Packet) Payload() []byte { return p[p.HeaderLen():] }

// Path is the service path identifier and, in the lowest 8 bits, the service index: what a
// forwarder looks up.
func (p Packet) Path() uint32 { return binary.BigEndian.Uint32(p[4:8]) }

// SetPath replaces both.
func (p Packet) SetPath(path uint32) { binary.BigEndian.PutUint32(p[4:8], path) }

// SI is the service index.
func (p Packet) SI() uint8 { return p[7] }

// DecrementSI is what a service function does behind its work (section 2.3). A service index of 0
// stays: the error is NoIndex.
func (p Packet) DecrementSI() error {
	if p[7] == 0 {
		return NoIndex
	}
	p[7]--
	return nil
}

// TTL is the TTL.
func (p Packet) TTL() uint8 { return p[0]&0xf<<2 | p[1]>>6 }

// DecrementTTL is what a forwarder does before it looks up where the packet goes. A TTL of 0
// becomes 63. The packet must not be forwarded if the TTL is 0 then, and false is returned
// (section 2.2).
func (p Packet) DecrementTTL() (forward bool) {
	ttl := (p.TTL() - 1) & MaxTTL
	p[0] = p[0]&^0xf | ttl>>2
	p[1] = p[1]&0x3f | ttl<<6
	return ttl != 0
}

// OAM tells whether it is a packet of operations, administration and maintenance.
func (p Packet) OAM() bool { return p[0]&0x20 != 0 }

// Next is what the payload is.
func (p Packet) Next() Protocol { return Protocol(p[3]) }
