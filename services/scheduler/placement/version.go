package placement

import "github.com/spanway/spanway/pkg/events"

const foldWhole uint32 = 2

func (s *State) since(version uint32, field string, given bool) error {
	if !given || s.version >= version {
		return nil
	}
	return events.Refuse(events.CodeUnknownField,
		"%s needs fold version %d, and the log has %d; leave it out until all schedulers are upgraded", field, version, s.version)
}

func (s *State) supports(t *events.Task) error {
	if err := s.since(foldWhole, "prefer", t.Prefer != ""); err != nil {
		return err
	}
	return s.since(foldWhole, "notBefore", t.NotBeforeMs != 0)
}

func (s *State) supportsEngine(e *events.Engine) error {
	if err := s.since(foldWhole, "engine.accepts", e.Accepts != ""); err != nil {
		return err
	}
	return s.since(foldWhole, "engine.node", e.Node != "")
}
