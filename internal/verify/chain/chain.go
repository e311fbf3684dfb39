package chain

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/events"
)

// Reasons for which records do not count.
const (
	reasonCutShort     = "cut_short"     // the next batch began before it was complete
	reasonBadHeader    = "bad_header"    // spanway-log is malformed or stands twice
	reasonNoBatch      = "no_batch"      // belongs to no batch
	reasonOldEpoch     = "old_epoch"     // by an owner that a claim has replaced, or a claim that came too late
	reasonFutureEpoch  = "future_epoch"  // of an epoch that no claim has begun
	reasonRepeat       = "repeat"        // the same bytes counted before
	reasonOtherHistory = "other_history" // decided on a history that the log does not have
	reasonBadClaim     = "bad_claim"     // a claim among other records, or malformed
	reasonBeforeStart  = "before_start"  // nothing to judge it by: the log's beginning was deleted
)

// header is the content of spanway-log.
type header struct {
	at             int64 // where the writer expected it to land
	prev, hash     uint64
	epoch, records uint32
}

// batch is a run of records that count together or not at all.
type batch struct {
	header
	records []events.Record
}

// chain is the rule of wire.md, "Owned logs", of what counts.
type chain struct {
	history uint64
	epoch   uint32
	// memory has the hashes of the batches that counted in the current epoch, so
	// that a repeat can be told from a batch of another history.
	memory Memory
	// pending is the batch that is being read; complete if it has no records.
	pending batch
	// seeking: the log's beginning was deleted, and no batch was found yet at
	// which the judgement may begin; see begin.
	seeking bool
}

// verdict says what became of records.
type verdict struct {
	batch
	// reason is empty if the batch counts.
	reason string
	claim  bool
	owner  string // of a sound claim: the name that its writer gives itself
}

// add takes the next record, and gives the verdicts that it settles: at most
// one on the batch before it, and one on what it is part of.
func (c *chain) add(r *events.Record, judged func(verdict)) {
	h, found, ok := parseHeader(r)
	if found && len(c.pending.records) > 0 {
		judged(verdict{batch: c.pending, reason: reasonCutShort})
		c.pending = batch{}
	}
	switch {
	case found && !ok:
		judged(verdict{batch: batch{records: []events.Record{*r}}, reason: reasonBadHeader})
		return
	case found:
		c.pending = batch{header: h}
	case len(c.pending.records) == 0:
		judged(verdict{batch: batch{records: []events.Record{*r}}, reason: reasonNoBatch})
		return
	}
	c.pending.records = append(c.pending.records, *r)
	if len(c.pending.records) == int(c.pending.header.records) {
		judged(c.judge(c.pending))
		c.pending = batch{}
	}
}

// judge decides on a complete batch and takes it into the history if it counts.
func (c *chain) judge(b batch) verdict {
	v := verdict{batch: b}
	claims := 0
	for i := range b.records {
		if events.TypeOfRecord(&b.records[i]) == events.TypeLogClaimed {
			claims++
		}
	}
	v.claim = claims > 0
	if c.seeking {
		c.begin(b, v.claim)
	}
	sound := false
	if v.claim {
		v.owner, sound = soundClaim(b.records)
	}
	switch {
	case c.seeking:
		v.reason = reasonBeforeStart
	case v.claim && !sound:
		v.reason = reasonBadClaim
	case v.claim && b.epoch != c.epoch+1:
		v.reason = reasonOldEpoch
	case v.claim:
		c.epoch = b.epoch
		c.history = Hash(c.history, b.records)
	case b.epoch > c.epoch:
		v.reason = reasonFutureEpoch
	case b.epoch < c.epoch || b.epoch == 0:
		v.reason = reasonOldEpoch
	case b.prev != c.history && c.landed(b.hash):
		v.reason = reasonRepeat
	case b.prev != c.history:
		v.reason = reasonOtherHistory
	default:
		c.history = b.hash
		c.memory.Put(c.batchKey(b.hash), Fact{})
	}
	return v
}

// batchKey is under which a batch of the current epoch is remembered.
func (c *chain) batchKey(hash uint64) Key {
	return KeyOf("batch", hash, strconv.FormatUint(uint64(c.epoch), 10))
}

// landed tells whether a batch with that hash counted in the current epoch.
func (c *chain) landed(hash uint64) bool {
	_, ok := c.memory.Get(c.batchKey(hash))
	return ok
}

// begin takes the history from a batch that stands where its writer expected it
// to: wire.md has a reader of a truncated log begin there.
func (c *chain) begin(b batch, claim bool) {
	if b.at != b.records[0].Offset || b.epoch == 0 {
		return
	}
	if _, sound := soundClaim(b.records); claim && !sound {
		return
	}
	c.seeking, c.history, c.epoch = false, b.prev, b.epoch
	if claim {
		c.epoch--
	}
}

// soundClaim: alone, with a claim ID of 16 bytes, without input positions. It
// gives the name of the owner, cut to what a name may have.
func soundClaim(records []events.Record) (owner string, ok bool) {
	if _, inputs := records[0].Header(events.HeaderInputs); inputs || len(records) != 1 {
		return "", false
	}
	_, m, err := events.DecodeTrusted(&records[0])
	claimed, ok := m.(*events.LogClaimed)
	if err != nil || !ok || len(claimed.ClaimId) != 16 {
		return "", false
	}
	owner = claimed.Owner
	return strings.ToValidUTF8(owner[:min(len(owner), events.MaxIDBytes)], ""), true
}

// parseHeader reads spanway-log: found tells whether there is any, ok whether
// there is one and it is well-formed.
func parseHeader(r *events.Record) (h header, found, ok bool) {
	var value []byte
	n := 0
	for i := range r.Headers {
		if r.Headers[i].Key == events.HeaderLog {
			value, n = r.Headers[i].Value, n+1
		}
	}
	if n != 1 || len(value) != 32 {
		return header{}, n > 0, false
	}
	h = header{
		at:      int64(binary.BigEndian.Uint64(value)),
		prev:    binary.BigEndian.Uint64(value[8:]),
		hash:    binary.BigEndian.Uint64(value[16:]),
		epoch:   binary.BigEndian.Uint32(value[24:]),
		records: binary.BigEndian.Uint32(value[28:]),
	}
	return h, true, h.records > 0
}

// Hash is H(prev, batch) of wire.md.
func Hash(prev uint64, records []events.Record) uint64 {
	d := xxhash.New()
	var word [8]byte
	part := func(b []byte, present bool) {
		n := uint32(0xFFFFFFFF)
		if present && b != nil {
			n = uint32(len(b))
		}
		binary.BigEndian.PutUint32(word[:4], n)
		_, _ = d.Write(word[:4])
		_, _ = d.Write(b)
	}
	binary.BigEndian.PutUint64(word[:], prev)
	_, _ = d.Write(word[:])
	part(records[0].Header(events.HeaderInputs))
	for i := range records {
		part(records[i].Header(events.HeaderType))
		part(records[i].Value, true)
	}
	return d.Sum64()
}
