// Package batch reads and writes Kafka record batches, format version 2, the
// only one that Kafka 4 has. It is a pure codec: no connection, no state
// beyond a decoder's slabs.
//
// Layout of a batch (big-endian), as on the wire and on the broker's disk:
//
//	 0 base offset        int64     35 greatest timestamp  int64
//	 8 length from 12     int32     43 producer ID         int64
//	12 leader epoch       int32     51 producer epoch      int16
//	16 format (2)         int8      53 base sequence       int32
//	17 CRC-32C from 21    uint32    57 records             int32
//	21 attributes         int16     61 records, compressed as attributes say
//	23 last offset delta  int32
//	27 first timestamp    int64
//
// A batch that opens to more than MaxDecompressed, or to very many records, is read in
// Pieces, record by record: a record that is itself too large gives a stand-in at its
// own offset, and those beside it are read.
//
// Invariants: no input makes Read or Decode panic or allocate more than in
// proportion to its length, but for compressed records, of which Decode opens about
// MaxDecompressed, and Pieces hold what the compression looks back on (at most
// about 128 MiB, of zstd or snappy only) and a record. Offsets within a batch grow.
// What Decode returns aliases the input (or the buffer it was decompressed into), so
// neither may be changed afterwards.
package batch
