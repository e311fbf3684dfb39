package copying

import "github.com/spanway/spanway/services/replicator/mirror"

// newer says whether a checkpoint counts more than another of the same copy: its
// generation is greater, or its writer claimed the partition later.
func newer(a, than *mirror.Checkpoint) bool {
	if a.Generation != than.Generation {
		return a.Generation > than.Generation
	}
	return a.Claim > than.Claim
}
