package nsh

import "encoding/binary"

// GPEPort is the UDP port of VXLAN-GPE.
const GPEPort = 4790

// GPELen is how many bytes a VXLAN-GPE header has.
const GPELen = 8

// The flags of a VXLAN-GPE header: its version, and that it has a network identifier and a next
// protocol.
const (
	gpeVersion  = 0x30
	gpeInstance = 0x08
	gpeNext     = 0x04
)

// MaxVNI is the largest network identifier: 24 bits.
const MaxVNI = 1<<24 - 1

// AppendGPE writes a VXLAN-GPE header (draft-ietf-nvo3-vxlan-gpe, section 3) behind dst, for a
// payload of a protocol in a network. Of vni the lowest 24 bits count.
func AppendGPE(dst []byte, vni uint32, next Protocol) []byte {
	dst = append(dst, gpeInstance|gpeNext, 0, 0, uint8(next))
	return binary.BigEndian.AppendUint32(dst, vni<<8)
}

// DecodeGPE reads the VXLAN-GPE header that a datagram begins with. A datagram without a network
// identifier is of network 0. The error is a Malformed.
func DecodeGPE(b []byte) (vni uint32, next Protocol, payload []byte, err error) {
	switch {
	case len(b) < GPELen:
		return 0, 0, nil, Short
	case b[0]&gpeVersion != 0 || b[0]&gpeNext == 0:
		return 0, 0, nil, BadGPE
	case b[0]&gpeInstance != 0:
		vni = binary.BigEndian.Uint32(b[4:]) >> 8
	}
	return vni, Protocol(b[3]), b[GPELen:], nil
}
