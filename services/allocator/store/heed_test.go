package store_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/services/allocator/store"
)

// A Redis that hangs up on whoever connects says why, and so does the store; when it takes
// clients again, all is well.
func TestWhyRedisHangsUp(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user.\r\n", "set a password for it, and give --redis-password-file"},
		{"-ERR max number of clients reached\r\n", "max number of clients reached"},
	} {
		for _, waits := range []bool{false, true} {
			addr := refusing(t, c.said, waits)
			s, err := store.Open(store.Config{Addrs: []string{addr}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for range 3 { // Each on a connection of its own.
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				_, err = s.Check(ctx)
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "broken pipe") {
					t.Errorf("it waits: %v; it says %v; want %q", waits, err, c.want)
				}
				if _, err := s.Servers(ctx); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("it waits: %v; of the servers it says %v; want %q", waits, err, c.want)
				}
				cancel()
			}
		}
	}
}

// refusing is a server that says the same to all and hangs up, before it has read anything or
// when it has.
func refusing(t *testing.T, said string, reads bool) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if reads {
				_, _ = c.Read(make([]byte, 1024))
			}
			_, _ = c.Write([]byte(said))
			c.Close()
		}
	}()
	return l.Addr().String()
}
