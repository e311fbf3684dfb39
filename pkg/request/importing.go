package request

import (
	"unicode/utf8"

	"github.com/spanway/spanway/pkg/events"
)

const (
	// keyBytes is what stands for a task that has ended.
	keyBytes = 16
	// maxPlace bounds the text that says where a log was read.
	maxPlace = 1 << 10
	// maxToken leaves room for those that follow.
	maxToken = 1 << 62
)

// Root names what a task and its replays have in common: the ID of the first of them.
func Root(t *events.Task) string {
	if t.GetReplayOf() != "" {
		return t.ReplayOf
	}
	return t.GetId()
}

func checkImport(m *events.PoolImportRequested) error {
	if err := events.CheckID("importId", m.ImportId); err != nil {
		return err
	}
	if len(m.Succeeded)%keyBytes != 0 || len(m.Failed)%keyBytes != 0 {
		return bad("succeeded has %d bytes and failed %d; each key has %d", len(m.Succeeded), len(m.Failed), keyBytes)
	}
	roots := map[string]bool{}
	for i, x := range m.Tasks {
		t := x.GetTask()
		if err := events.CheckID("tasks.task.id", t.GetId()); err != nil {
			return err
		}
		switch root := Root(t); {
		case roots[root]:
			return bad("tasks[%d] is %q; a task and its replays are in different parts", i, t.Id)
		case t.Kind == "" || t.PayloadAt != 0 || len(t.Payload) > events.MaxPayloadBytes:
			return bad("tasks[%d] is %q, of kind %q with %d bytes of payload, payloadAt %d; it needs a kind, and has at most %d bytes, here", i, t.Id, t.Kind, len(t.Payload), t.PayloadAt, events.MaxPayloadBytes)
		case x.Failures < 0 || x.Token > maxToken || !utf8.ValidString(x.Reason):
			return bad("tasks[%d] is %q, with %d failures, token %d and reason %.80q; that cannot be", i, t.Id, x.Failures, x.Token, x.Reason)
		default:
			roots[root] = true
		}
	}
	return nil
}

func checkPromote(m *events.PoolPromoteRequested) error {
	if err := events.CheckID("importId", m.ImportId); err != nil {
		return err
	}
	if m.Token > maxToken || len(m.Of) > maxPlace || m.Of == "" {
		return bad("token is %d, at most %d, and of %.80q, at most %d bytes and not empty", m.Token, uint64(maxToken), m.Of, maxPlace)
	}
	if err := checkText("reason", m.Reason); err != nil {
		return err
	}
	return checkSettings(m.Settings)
}
