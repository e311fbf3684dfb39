package replicator

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/services/replicator/selection"
)

// What is not copied is counted by topic, and what is copied all the same is not.
func TestWhatIsBlockedIsCounted(t *testing.T) {
	t.Parallel()
	got := blocked([]selection.Problem{
		{Link: "a", Topic: "x", Code: selection.TwoLinks, Stops: true},
		{Link: "a", Topic: "x", Code: selection.TwoLinks, Stops: true},
		{Link: "a", Topic: "y", Code: selection.TwoLinks, Stops: true},
		{Link: "a", Topic: "z", Code: selection.NearRetention},
		{Link: "b", Topic: "x", Code: selection.OwnLog, Stops: true},
		{Link: "b", Code: selection.SourceUnreachable},
		{Link: "c", Code: selection.SourceRejected},
	})
	want := map[[2]string]int64{{"a", "two_links"}: 2, {"b", "own_log"}: 1, {"b", "source_unreachable"}: 1, {"c", "source_rejected"}: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
