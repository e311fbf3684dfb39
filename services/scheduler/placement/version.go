package placement

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Fold versions. A log begins with the first; LogFoldVersionRaised switches at
// its place, so that binaries that know different versions never fold a record
// differently: the older one stops there.
const (
	foldFirst uint32 = 1
	// foldWhole has the whole matcher, order of tenants, and payloads by offset.
	foldWhole uint32 = 2
	// foldImports has pools that come of other sites and go to them. Only a log that needs
	// it is raised to it.
	foldImports uint32 = 3
	// NewestFoldVersion is the newest that this release knows.
	NewestFoldVersion = foldImports
)

// FoldVersionError says that a log or a snapshot needs a newer release.
type FoldVersionError struct {
	// Version is what it needs, Known the newest that is known here.
	Version, Known uint32
}

// Error says what to do.
func (e *FoldVersionError) Error() string {
	return fmt.Sprintf("the log has fold version %d, and this release knows versions up to %d; upgrade it", e.Version, e.Known)
}

// NewerVersion is how the runtime of logs knows this error.
func (e *FoldVersionError) NewerVersion() (version, known uint32) { return e.Version, e.Known }

// FoldVersion is the version by which the next event is folded.
func (s *State) FoldVersion() uint32 { return s.version }

// Err is a *FoldVersionError once an event has asked for a fold version that is
// not known here, else nil. From then on the State folds and decides nothing.
func (s *State) Err() error {
	if s.err != nil { // Else it would be an error that holds a nil.
		return s.err
	}
	return nil
}

func (s *State) applyRaised(m *events.LogFoldVersionRaised) {
	if m.Version > s.knows {
		s.err = &FoldVersionError{Version: m.Version, Known: s.knows}
		return
	}
	if m.Version <= s.version {
		return
	}
	s.version = m.Version
	for _, p := range s.order {
		if p.match != nil { // What waits is in order by other rules from here on.
			p.match.stale = true
		}
	}
}

// ignores tells whether the log's version does not have such events yet: to the
// binaries that know no other they are of an unknown type, which changes nothing,
// not even the time.
func (s *State) ignores(m proto.Message) bool {
	switch m.(type) {
	case *events.PoolImported, *events.PoolPromoted, *events.PoolReplaced:
		return s.version < foldImports
	}
	if s.version >= foldWhole {
		return false
	}
	switch m.(type) {
	case *events.LogTruncated, *events.LogTailLost, *events.TaskReserved, *events.EngineObserved, *events.PoolConfigured:
		return true
	}
	return false
}

// applyLoss begins anew: it makes the same of a State that folded what was lost,
// and of one that could not. So tokens go on by where the event stands: in an epoch
// above those of before.
func (s *State) applyLoss(m *events.LogLossAccepted, l events.Logged) {
	empty := New(s.cfg)
	empty.next, empty.newest = s.next, moment(m.AtMs)
	empty.tokens = uint64(l.Epoch)*lostLog + uint64(l.Offset) + 1
	empty.knows, empty.leading, empty.tenure, empty.evaluations = s.knows, s.leading, s.tenure, s.evaluations
	*s = *empty
}

// Handlers pass tokens on to their own stores, which take no lower one. So none is
// given again that may have been given by an event that is lost: a loss raises all
// that come, in all pools, by more than could have been given.
const (
	lostTail uint64 = 1 << 32
	lostLog  uint64 = 1 << 40 // Above the losses of 255 tails.
	// maxLostEpochs bounds the epochs of one lost tail; owners declare no more (package
	// eventlog), and tokens must not overflow whatever an event says.
	maxLostEpochs = 1 << 10
	// maxJump bounds how far an assignment's token is above all before it: one that is
	// beyond says nothing, so that there are others above. What the core itself gives
	// is one above, wherever tokens have come to, so it always counts.
	maxJump uint64 = 1 << 62
)

// credible tells whether an assignment of a pool may have that token.
func (s *State) credible(p *pool, token uint64) bool {
	highest := max(p.token, s.tokens)
	return token <= highest || token-highest <= maxJump
}

// raiseTokens is for the loss of a tail. That may have held such a loss itself, in
// each epoch of it.
func (s *State) raiseTokens(m *events.LogTailLost) {
	for _, p := range s.order {
		s.tokens = max(s.tokens, p.token)
	}
	s.tokens += lostTail
	if m.SeenEpoch > m.Epoch {
		s.tokens += lostTail * uint64(min(m.SeenEpoch-m.Epoch, maxLostEpochs))
	}
}

// raise switches the log to the highest version that this host may choose and that each
// log needs.
func (c *cycle) raise() { c.raiseTo(min(c.s.cfg.FoldVersion, foldWhole)) }

// since refuses a field of a request that was given although the log's version
// does not have it yet.
func (s *State) since(field string, given bool) error {
	if !given || s.version >= foldWhole {
		return nil
	}
	return events.Refuse(events.CodeUnknownField,
		"%s needs fold version %d, and the log has %d; leave it out until all schedulers are upgraded", field, foldWhole, s.version)
}

// supports refuses a task that has what the log's version has not; the error is
// a *events.Malformed.
func (s *State) supports(t *events.Task) error {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"prefer", t.Prefer != ""},
		{"notBefore", t.NotBeforeMs != 0},
		{"limitKey", t.LimitKey != "" || t.Limit != 0},
		{"after", len(t.After) > 0},
	} {
		if err := s.since(f.name, f.given); err != nil {
			return err
		}
	}
	return nil
}

// supportsEngine is supports for an engine that registers.
func (s *State) supportsEngine(e *events.Engine) error {
	if err := s.since("engine.accepts", e.Accepts != ""); err != nil {
		return err
	}
	return s.since("engine.node", e.Node != "")
}
