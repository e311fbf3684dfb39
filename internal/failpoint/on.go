//go:build failpoints && unix

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Enabled tells whether this program was built with failpoints.
const Enabled = true

// plan is what SPANWAY_FAILPOINT asks for.
type plan struct {
	name   string
	signal syscall.Signal
	mu     sync.Mutex
	left   int64
}

var planned = parse(os.Getenv("SPANWAY_FAILPOINT"))

func parse(text string) *plan {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ":")
	p := &plan{name: parts[0], signal: syscall.SIGKILL}
	n := int64(1)
	if len(parts) > 1 {
		n, _ = strconv.ParseInt(parts[1], 10, 64)
	}
	if len(parts) > 2 && parts[2] == "stop" {
		p.signal = syscall.SIGSTOP
	}
	p.left = max(n, 1)
	return p
}

// Hit kills or stops this process if that is planned for this time at that point.
// It is safe for concurrent use: a second goroutine that comes to the point goes on only
// after the signal, or it could end the process as if nothing had been planned.
func Hit(name string) {
	if planned == nil || planned.name != name {
		return
	}
	planned.mu.Lock()
	defer planned.mu.Unlock()
	if planned.left--; planned.left != 0 {
		return
	}
	fmt.Fprintln(os.Stderr, "failpoint", name)
	_ = syscall.Kill(os.Getpid(), planned.signal)
	if planned.signal == syscall.SIGKILL {
		select {} // The signal comes at once, but not before the next instruction.
	}
}
