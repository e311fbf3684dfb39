package embedded_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
)

// Whoever speaks another protocol, or announces a request of more than 100 MiB, is hung up
// on before memory is taken for it.
func TestStrangersAreHungUpOn(t *testing.T) {
	b := startOn(t, embedded.Config{})
	for name, said := range map[string]string{
		"HTTP": "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", "one byte more than is taken": "\x06\x40\x00\x01", "a negative size": "\xff\xff\xff\xff",
		"TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, part := range []string{said[:2], said[2:]} {
				if _, err := conn.Write([]byte(part)); err != nil {
					break // Two bytes of TLS suffice.
				}
			}
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if n, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("it is not hung up on: %d bytes, %v", n, err)
			}
		})
	}
}
