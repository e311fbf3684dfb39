package redistest

import (
	"testing"

	"github.com/spanway/spanway/internal/porttest"
)

// FreeAddr is an address that nothing listens on, and that this process gets once.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	return porttest.Addr(tb)
}
