// Package porttest finds ports for tests whose servers are killed and come back at the
// same address, and addresses at which nobody is to answer.
package porttest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// The ports are below those from which systems take ports for connections and for
// listeners on port 0: what was free a moment ago is taken by neither.
const first, last = 12_000, 31_999

// handed are the ports that this process has handed out.
var handed sync.Map

// Kept is a port of the loopback address that nothing listens on, and that this process
// gets once. It is still free when a server comes back to it, however much others, and
// its own clients, connect meanwhile.
func Kept(tb testing.TB) int { return Row(tb, 1) }

// Row is the first of n such ports, one after the other.
func Row(tb testing.TB, n int) int {
	tb.Helper()
	for range 1000 {
		if port := first + rand.IntN(last-first-n+2); allFree(port, n) {
			return port
		}
	}
	tb.Fatalf("no %d ports from %d to %d are free", n, first, last)
	return 0
}

// Addr is the loopback address with a port of [Kept].
func Addr(tb testing.TB) string {
	tb.Helper()
	return At(Kept(tb))
}

// At is the loopback address with a port.
func At(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// allFree tells whether n ports are free, and hands them out if they are.
func allFree(port, n int) bool {
	for p := port; p < port+n; p++ {
		if _, taken := handed.LoadOrStore(p, true); taken {
			return false
		}
		l, err := net.Listen("tcp", At(p))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
