package failover

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// What was reported says how much is not copied, or that nobody knows: not that all is copied
// because no end was seen.
func TestWhatWasReportedOfAPartition(t *testing.T) {
	for name, c := range map[string]struct {
		m    *events.ReplicationCopyReported
		left int64
		is   Certainty
	}{
		"all is copied":        {&events.ReplicationCopyReported{Next: 7, SourceEnd: 7}, 0, LastKnown},
		"it is empty":          {&events.ReplicationCopyReported{}, 0, LastKnown},
		"some is not":          {&events.ReplicationCopyReported{Next: 5, SourceEnd: 7}, 2, LastKnown},
		"no end was seen":      {&events.ReplicationCopyReported{Next: 5, LagUnknown: true}, 0, Unknown},
		"what comes is hidden": {&events.ReplicationCopyReported{SourceEnd: 7, LagUnknown: true}, 0, Unknown},
	} {
		if p := reported(c.m); p.Left != c.left || p.Certain != c.is {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
