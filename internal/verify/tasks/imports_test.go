package tasks

import (
	"crypto/sha256"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

func part(id string, number uint32, tasks ...*events.TaskAccepted) *events.PoolImported {
	m := &events.PoolImportRequested{Pool: "p", ImportId: id, Number: number}
	for _, t := range tasks {
		m.Tasks = append(m.Tasks, &events.PoolImportedTask{Task: t.Task, Token: 7})
	}
	return &events.PoolImported{Pool: "p", Part: m}
}

func endedThere(m *events.PoolImported, ok bool, id string) *events.PoolImported {
	sum := sha256.Sum256([]byte("p\x00" + id))
	if ok {
		m.Part.Succeeded = sum[:16]
	} else {
		m.Part.Failed = sum[:16]
	}
	return m
}

func promoted(id string, tasks int64, token uint64) *events.PoolPromoted {
	return &events.PoolPromoted{Pool: "p", ImportId: id, Tasks: tasks, Token: token}
}

// Logs of pools that move between sites.
func brokenImports() []brokenLog {
	third, replaced := &events.LogFoldVersionRaised{Version: 3}, &events.PoolReplaced{Pool: "p"}
	after := accepted("u")
	after.Task.After = []string{"t"}
	whole := accepted("t")
	whole.Task.Payload = []byte("x")
	story := func(more ...proto.Message) []proto.Message {
		return append([]proto.Message{third, eng("e", "i1", 4)}, more...)
	}
	return []brokenLog{
		{"an import", story(part("i", 0, accepted("t")), part("i", 1, accepted("u")), promoted("i", 2, 100), assigned("t", 101), succeeded("t", 101), cancelled("u")), Options{NoneOpen: true}, nil},
		{"an import too soon", []proto.Message{part("i", 0), promoted("i", 0, 100)}, Options{}, []string{"G5 a part of an import, but", "G5 an import, but"}},
		{"an import does not count", story(part("i", 0, accepted("t")), cancelled("t")), Options{}, []string{"G1 never accepted"}},
		{"one that begins anew", story(part("i", 0, accepted("t")), part("j", 0, accepted("u")), promoted("j", 1, 100), cancelled("u")), Options{NoneOpen: true}, nil},
		{"a part is missing", story(part("i", 0), part("i", 2, accepted("t")), promoted("i", 1, 100)), Options{}, []string{"G1 part 2", "G1 not what came"}},
		{"a task more", story(part("i", 0, accepted("t")), promoted("i", 2, 100)), Options{}, []string{"G1 not what came"}},
		{"what is open comes again", story(accepted("t"), part("i", 0, accepted("t")), promoted("i", 1, 100)), Options{}, []string{"G1 imported; it was accepted"}},
		{"what has ended comes again", story(accepted("t"), cancelled("t"), part("i", 0, accepted("t")), promoted("i", 1, 100)), Options{}, []string{"G1 imported; it cancelled"}},
		{"accepted again", story(endedThere(part("i", 0), true, "t"), promoted("i", 0, 100), accepted("t")), Options{}, []string{"G1 it ended at another site"}},
		{"of a pool that did not come", story(endedThere(part("i", 0), true, "t"), accepted("t")), Options{}, nil},
		{"tokens do not grow", story(part("i", 0, accepted("t")), promoted("i", 1, 7)), Options{}, []string{"G2 above 7; token 7"}},
		{"an old token", story(part("i", 0, accepted("t")), promoted("i", 1, 100), assigned("t", 100)), Options{}, []string{"G2 token 100 was given"}},
		{"after what succeeded there", story(endedThere(part("i", 0), true, "t"), promoted("i", 0, 100), after, assigned("u", 101)), Options{}, nil},
		{"after what failed there", story(endedThere(part("i", 0), false, "t"), promoted("i", 0, 100), after, assigned("u", 101)), Options{}, []string{"G4 although task"}},
		{"an imported payload that is deleted", story(part("i", 0, whole), &events.LogTruncated{Before: 4}), Options{}, []string{"G1 has its payload at 3"}},
		{"accepted elsewhere", story(replaced, accepted("t")), Options{}, []string{"G1 placed at another site"}},
		{"assigned elsewhere", story(accepted("t"), replaced, assigned("t", 1)), Options{}, []string{"G4 placed at another site"}},
		{"replaced too soon", []proto.Message{replaced}, Options{}, []string{"G5 placed elsewhere, but"}},
		{"it comes back", story(accepted("t"), assigned("t", 1), accepted("u"), replaced, part("i", 0, accepted("u"), accepted("v")), promoted("i", 2, 100),
			assigned("u", 101), assigned("v", 102), accepted("t"), assigned("t", 103), lost("i1"), cancelled("t"), cancelled("u"), cancelled("v")), Options{NoneOpen: true}, nil},
	}
}
