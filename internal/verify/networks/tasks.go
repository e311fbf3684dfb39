package networks

import (
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// tasks are those in flight, by the path of their object.
type tasks struct {
	flying map[network.Path]string
	// within: some may be in flight that were not seen.
	within bool
}

// realised follows what became of objects at the site.
func (s *Status) realised(at chain.At, m proto.Message) {
	switch m := m.(type) {
	case *events.NetworkRealising:
		s.realises(at, m)
	case *events.NetworkRealised:
		s.counts.Realised++
		s.ended(at, m.Path, m.TaskId)
	case *events.NetworkRealisationFailed:
		s.counts.Failed++
		s.ended(at, m.Path, m.TaskId)
	}
}

// realises follows a task, which is the only one of its object, and makes what is wanted.
func (s *Status) realises(at chain.At, m *events.NetworkRealising) {
	p := network.Path(m.Path)
	if s.tasks.flying == nil {
		s.tasks.flying = map[network.Path]string{}
	}
	if other, ok := s.tasks.flying[p]; ok {
		s.Find(Rule, at, "task %.80q of %s is submitted while task %.80q of it is in flight", m.TaskId, p, other)
	}
	s.tasks.flying[p] = m.TaskId
	if s.within || s.tasks.within {
		return
	}
	wanted, own := s.has[p], s.local[p]
	if wanted != nil && proto.Equal(wanted.Message, m.Object) || own != nil && proto.Equal(own, m.Object) || wanted == nil && own == nil && m.Object == nil {
		return
	}
	s.Find(Rule, at, "task %.80q realises %s as neither the global manager nor the site wants it", m.TaskId, p)
}

func (s *Status) ended(at chain.At, path, task string) {
	p := network.Path(path)
	if s.tasks.flying[p] != task {
		if !s.tasks.within {
			s.Find(Rule, at, "task %.80q of %.200q has ended, and was not in flight", task, path)
		}
		return
	}
	delete(s.tasks.flying, p)
}
