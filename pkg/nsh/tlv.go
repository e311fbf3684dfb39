package nsh

import "encoding/binary"

// TLV is one item of a context of MD type 2 (section 2.5.1).
type TLV struct {
	// Class scopes the types.
	Class uint16
	Type  uint8
	// Value is at most 127 bytes; what fills it up to a multiple of 4 is not part of it.
	Value []byte
}

const (
	tlvHeader = 4
	maxValue  = 127
)

// padded is how many bytes a value takes.
func padded(n int) int { return (n + 3) &^ 3 }

// EachTLV gives the items of a context, in order, until do returns false. Values are parts of the
// context. The error is BadContext if they do not fill it; what came before was given then.
func EachTLV(context []byte, do func(TLV) bool) error {
	for len(context) > 0 {
		if len(context) < tlvHeader {
			return BadContext
		}
		n := int(context[3] & maxValue)
		end := tlvHeader + padded(n)
		if len(context) < end {
			return BadContext
		}
		t := TLV{binary.BigEndian.Uint16(context), context[2], context[tlvHeader : tlvHeader+n : tlvHeader+n]}
		if !do(t) {
			return nil
		}
		context = context[end:]
	}
	return nil
}

// AppendTLV writes an item behind those of a context. The error is BadContext if its value is too
// long.
func AppendTLV(context []byte, t TLV) ([]byte, error) {
	n := len(t.Value)
	if n > maxValue {
		return context, BadContext
	}
	context = binary.BigEndian.AppendUint16(context, t.Class)
	context = append(context, t.Type, uint8(n))
	context = append(context, t.Value...)
	return append(context, make([]byte, padded(n)-n)...), nil
}
