package nsh

// Malformed says what is wrong with a packet, and where. It is an error that needs no memory, so
// that a flood of bad packets costs none, and may be compared.
type Malformed uint8

// What may be wrong.
const (
	// Short: the packet ends before its header does.
	Short Malformed = iota + 1
	// BadVersion: the version is not 0 (section 2.2).
	BadVersion
	// BadLength: the length is none that the MD type may have (sections 2.4 and 2.5).
	BadLength
	// BadMDType: the MD type is neither 1 nor 2 (section 2.2).
	BadMDType
	// BadContext: the TLVs do not fill the context (section 2.5.1).
	BadContext
	// NoIndex: the service index is 0, and cannot be decremented.
	NoIndex
	// BadTTL, BadPath: a header that is to be written has a value that does not fit.
	BadTTL
	BadPath
	// BadGPE: the VXLAN-GPE header has another version, or does not say what it carries.
	BadGPE
)

var malformed = [...]string{
	Short:      "it ends before its header does",
	BadVersion: "byte 0: the version is not 0",
	BadLength:  "byte 1: the length is not 6 words for MD type 1, or less than 2 for MD type 2",
	BadMDType:  "byte 2: the MD type is neither 1 nor 2",
	BadContext: "byte 8: the context is not 16 bytes (MD type 1), or no TLVs that fill it (MD type 2)",
	NoIndex:    "byte 7: the service index is 0",
	BadTTL:     "byte 0: the TTL is more than 63",
	BadPath:    "byte 4: the service path identifier is more than 16777215",
	BadGPE:     "byte 0: the VXLAN-GPE header has a version that is not 0, or no next protocol",
}

// Error implements error.
func (m Malformed) Error() string {
	if int(m) >= len(malformed) || malformed[m] == "" {
		return "NSH packet: it is malformed"
	}
	return "NSH packet: " + malformed[m]
}
