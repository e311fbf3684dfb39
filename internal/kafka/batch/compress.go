package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compression is how the records of a batch are compressed.
type Compression int8

// The compressions of Kafka, with its numbers.
const (
	None Compression = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

// MaxDecompressed bounds, in bytes, what Decode opens a batch to. A larger one is
// read in Pieces.
const MaxDecompressed = 32 << 20

// maxWindow bounds how far zstd and snappy may look back where a batch is read in
// pieces: it is what the highest level of zstd asks for.
const maxWindow = 128 << 20

// String is the name that Kafka's settings use.
func (c Compression) String() string {
	names := [...]string{"none", "gzip", "snappy", "lz4", "zstd"}
	if c < 0 || int(c) >= len(names) {
		return fmt.Sprintf("compression %d", int8(c))
	}
	return names[c]
}

// Both are safe for concurrent use through their All methods.
var (
	zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	})
	zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxDecompressed))
	})
)

// compress replaces dst[from:] by its compressed form.
func compress(dst []byte, from int, c Compression) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser
	switch c {
	case None:
		return dst, nil
	case Snappy:
		return append(dst[:from], s2.EncodeSnappy(nil, dst[from:])...), nil
	case Zstd:
		enc, err := zstdEncoder()
		if err != nil {
			return dst, fmt.Errorf("compress a record batch with zstd: %w", err)
		}
		return append(dst[:from], enc.EncodeAll(dst[from:], nil)...), nil
	case Gzip:
		w = gzip.NewWriter(&out)
	case LZ4:
		w = lz4.NewWriter(&out)
	default:
		return dst, fmt.Errorf("compress a record batch: %v is not known; use none, gzip, snappy, lz4 or zstd", c)
	}
	_, err := w.Write(dst[from:])
	if err := errors.Join(err, w.Close()); err != nil {
		return dst, fmt.Errorf("compress a record batch with %v: %w", c, err)
	}
	return append(dst[:from], out.Bytes()...), nil
}

// decompress returns data itself if it is not compressed.
func decompress(data []byte, c Compression) ([]byte, error) {
	switch c {
	case None:
		return data, nil
	case Gzip:
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return readAll(r, len(data))
	case Snappy:
		return unsnappy(data)
	case LZ4:
		return readAll(lz4.NewReader(bytes.NewReader(data)), len(data))
	case Zstd:
		dec, err := zstdDecoder()
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		out, err := dec.DecodeAll(data, nil)
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
			return nil, ErrLarge
		}
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%v is not known", c)
}

// decompressor reads what r opens to, in pieces and without a goroutine.
func decompressor(r io.Reader, c Compression) (io.Reader, error) {
	switch c {
	case None:
		return r, nil
	case Gzip:
		return gzip.NewReader(r)
	case Snappy:
		return newSnappyReader(r)
	case LZ4:
		return lz4.NewReader(r), nil
	case Zstd:
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	}
	return nil, fmt.Errorf("%v is not known", c)
}

func readAll(r io.Reader, compressed int) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(min(4*compressed, MaxDecompressed))
	n, err := out.ReadFrom(io.LimitReader(r, MaxDecompressed+1))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if n > MaxDecompressed {
		return nil, ErrLarge
	}
	return out.Bytes(), nil
}

// xerial begins the framing that snappy-java puts around blocks; librdkafka
// and others write plain blocks. Readers must take both.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = 16 // magic, version and lowest compatible version

func unsnappy(data []byte) ([]byte, error) {
	if len(data) < xerialHeader || !bytes.HasPrefix(data, xerial) {
		return unsnappyBlock(nil, data)
	}
	var out []byte
	for data = data[xerialHeader:]; len(data) > 0; {
		if len(data) < 4 {
			return nil, errors.New("snappy: a block's length is cut short")
		}
		n := binary.BigEndian.Uint32(data)
		data = data[4:]
		if uint64(n) > uint64(len(data)) {
			return nil, fmt.Errorf("snappy: a block of %d bytes, of which %d are there", n, len(data))
		}
		var err error
		if out, err = unsnappyBlock(out, data[:n]); err != nil {
			return nil, err
		}
		data = data[n:]
	}
	return out, nil
}

// unsnappyBlock appends what a block decompresses to.
func unsnappyBlock(out, block []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, fmt.Errorf("snappy: %w", err)
	}
	// A block of snappy cannot shrink data to less than a 64th.
	if n > 64*len(block)+64 || n > MaxDecompressed-len(out) {
		return nil, ErrLarge
	}
	plain, err := snappy.Decode(nil, block)
	if err != nil {
		return nil, fmt.Errorf("snappy: %w", err)
	}
	if out == nil {
		return plain, nil
	}
	return append(out, plain...), nil
}
