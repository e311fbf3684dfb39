package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// maxFirst bounds the first answer on a connection, in bytes. All that is asked first is
// answered by much less.
const maxFirst = 1 << 20

// errHTTP says that something else than a broker answers.
var errHTTP = errors.New("the answer is one of HTTP")

// firstAnswer is a connection whose first answer is looked at before it is decoded: what is
// no broker may answer anything, and its bytes would be taken for sizes, for which kafka-go
// makes room at once. Reading is for one goroutine.
type firstAnswer struct {
	net.Conn
	looked bool
	head   []byte // of the answer, not handed on yet
}

func (f *firstAnswer) Read(p []byte) (int, error) {
	if !f.looked {
		if err := f.look(); err != nil {
			return 0, err
		}
	}
	if len(f.head) > 0 {
		n := copy(p, f.head)
		f.head = f.head[n:]
		return n, nil
	}
	return f.Conn.Read(p)
}

func (f *firstAnswer) look() error {
	size := make([]byte, 4)
	if _, err := io.ReadFull(f.Conn, size); err != nil {
		return err
	}
	if string(size) == "HTTP" {
		return errHTTP
	}
	if n := binary.BigEndian.Uint32(size); n > maxFirst {
		// Nothing of it is an answer, so it is as if the other side had closed.
		return fmt.Errorf("the first answer would have %d bytes: %w", n, io.ErrUnexpectedEOF)
	}
	f.looked, f.head = true, size
	return nil
}

// speaksHTTP reports whether a listener answers a request of HTTP.
func (c *Client) speaksHTTP(ctx context.Context, address string) bool {
	return c.probe(ctx, address, func(_ context.Context, conn net.Conn) bool {
		if _, err := io.WriteString(conn, "HEAD / HTTP/1.0\r\n\r\n"); err != nil {
			return false
		}
		return errors.Is((&firstAnswer{Conn: conn}).look(), errHTTP)
	})
}
