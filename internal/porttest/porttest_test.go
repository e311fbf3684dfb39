package porttest_test

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/porttest"
)

// No port is one that the system may give to a connection, each is handed out once, and
// each can be listened on.
func TestPortsAreKept(t *testing.T) {
	lowest := 32_768
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if lowest, err = strconv.Atoi(strings.Fields(string(text))[0]); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[int]bool{}
	for range 200 {
		first := porttest.Row(t, 3)
		for port := first; port < first+3; port++ {
			if port >= lowest || seen[port] {
				t.Errorf("port %d may be given to a connection (these begin at %d), or was handed out before: %t", port, lowest, seen[port])
			}
			seen[port] = true
			l, err := net.Listen("tcp", porttest.At(port))
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
	}
}
