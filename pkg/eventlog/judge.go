package eventlog

import (
	"github.com/spanway/spanway/pkg/events"
)

// ClaimID tells one claim from all others: 16 fresh random bytes.
type ClaimID [16]byte

// Skip says why records do not count.
type Skip uint8

// Reasons for which records do not count.
const (
	// Counts: they do.
	Counts Skip = iota
	// SkipCutShort: the next batch began before this one was complete.
	SkipCutShort
	// SkipBadHeader: spanway-log is malformed, or stands twice.
	SkipBadHeader
	// SkipNoBatch: the record belongs to no batch.
	SkipNoBatch
	// SkipOldEpoch: the epoch is not the current one (a claim: not the next).
	SkipOldEpoch
	// SkipOtherHistory: decided on another history than the one it landed on.
	SkipOtherHistory
	// SkipBadClaim: a claim among other records, or one that is malformed.
	SkipBadClaim
	// SkipUnjudged: it stands before the place where this reader can begin.
	SkipUnjudged
	// SkipNoCall: a record of a shared log has neither spanway-call nor spanway-seen.
	SkipNoCall
	// SkipBadCall: one of the two is missing, malformed, or stands twice.
	SkipBadCall
)

var skipNames = [...]string{
	"counts", "cut_short", "bad_header", "no_batch", "old_epoch", "other_history", "bad_claim", "unjudged", "no_call", "bad_call",
}

// String returns the reason as a label of metrics.
func (s Skip) String() string {
	if int(s) < len(skipNames) {
		return skipNames[s]
	}
	return "unknown"
}

// Judge decides which batches of an owned log count, by what counted before.
// The zero Judge stands at offset 0. It is a value: a copy judges on its own.
type Judge struct {
	// History is the hash of everything that counted.
	History uint64
	// Epoch is the number of claims that counted, Claim the last of them and
	// ClaimedAt its offset.
	Epoch     uint32
	Claim     ClaimID
	ClaimedAt int64
	// Unanchored: it does not know what counted before, and judges nothing until
	// a batch that landed where its writer expected.
	Unanchored bool
}

// Batch judges a complete batch, the first record of which carries h, and takes
// it into the history if it counts.
func (j *Judge) Batch(h Header, batch []events.Record) Skip {
	id, claim, bad := claimIn(batch)
	if j.Unanchored {
		if h.At != batch[0].Offset || bad {
			return SkipUnjudged
		}
		j.Unanchored, j.History, j.Epoch = false, h.Prev, h.Epoch
		if claim {
			j.Epoch--
		}
	}
	switch {
	case bad:
		return SkipBadClaim
	case claim && h.Epoch != j.Epoch+1, !claim && (h.Epoch != j.Epoch || h.Epoch == 0):
		return SkipOldEpoch
	case claim:
		// Its own prev and hash are only what its writer expected.
		j.History = Hash(j.History, batch)
		j.Epoch, j.Claim, j.ClaimedAt = h.Epoch, id, batch[0].Offset
	case h.Prev != j.History:
		return SkipOtherHistory
	default:
		j.History = h.Hash
	}
	return Counts
}

// claimIn tells whether a batch is a claim, and whether it holds one that does
// not stand alone and well-formed.
func claimIn(batch []events.Record) (id ClaimID, claim, bad bool) {
	found := false
	for i := range batch {
		if t, _ := batch[i].Header(events.HeaderType); string(t) == string(events.TypeLogClaimed) {
			found = true
			break
		}
	}
	if !found {
		return id, false, false
	}
	if _, inputs := batch[0].Header(events.HeaderInputs); inputs || len(batch) != 1 {
		return id, false, true
	}
	m, err := events.Message(&batch[0])
	c, ok := m.(*events.LogClaimed)
	if err != nil || !ok || len(c.ClaimId) != len(id) {
		return id, false, true
	}
	return ClaimID(c.ClaimId), true, false
}
