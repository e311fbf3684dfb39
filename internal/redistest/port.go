package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Ports of servers are below those from which systems take ports for connections and for
// listeners on port 0: what was free a moment ago is taken by neither.
const (
	firstPort = 12_000
	lastPort  = 31_999
)

// handed are the ports that this process has handed out.
var handed sync.Map

// FreeAddr is an address that nothing listens on, and that this process gets once.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if _, taken := handed.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	tb.Fatalf("no port from %d to %d is free", firstPort, lastPort)
	return ""
}
