package copying

import (
	"testing"

	"github.com/spanway/spanway/internal/apache"
)

// The source is older than the target, as it is while sites are upgraded one by one.
func TestApacheCopies(t *testing.T) {
	source, target := apache.Start(t, apache.Config{Version: apache.Older}), apache.Start(t, apache.Config{})
	testCopies(t, source.Addr(), target.Addr())
}
