// Package nsh reads and writes the Network Service Header of RFC 8300, by which a packet carries
// the service path that it follows, and the VXLAN-GPE header that carries it between hosts.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|Ver|O|U|    TTL    |  Length   |U|U|U|U|MD Type| Next Protocol |  base header, section 2.2
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|          Service Path Identifier (SPI)        | Service Index |  service path header, 2.3
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  Context: 16 bytes (MD type 1, 2.4), or TLVs (MD type 2, 2.5)  |
//
// [Header] is for those that build or show a packet: [Header.Append] writes one, and [Decode] reads
// one. [Packet] is for those that forward it: after one [Check] its fields are read, and its path,
// service index and TTL are rewritten, where they stand. Neither allocates, and a packet that is
// refused does not either: what is wrong with it is a [Malformed], which is a number.
//
// Nothing is kept between calls; all of it may be called concurrently, but for two writers of one
// packet. Bits that the RFC leaves unassigned are written as 0, ignored when read, and left as they
// are where a packet is rewritten.
package nsh
