package network

import (
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// Object is an object as a change left it. It is never changed.
type Object struct {
	Path Path
	// Message is all of it.
	Message *events.NetworkObject
	// Revision is the number of the change.
	Revision uint64
	// References are what it refers to, its network among them: each once, sorted.
	References []Path
	// Hash of the path, the message and the revision.
	Hash uint64
}

// NewObject makes an object of a message whose path ParsePath takes.
func NewObject(m *events.NetworkObject, revision uint64) *Object {
	return &Object{Path: Path(m.Path), Message: m, Revision: revision, References: References(m), Hash: hash(m, revision)}
}

// References lists what an object refers to, its network too, in order, each once.
func References(m *events.NetworkObject) []Path {
	var out []Path
	for _, r := range references(m) {
		out = append(out, Path(r.path))
	}
	if n := Path(m.Path).Network(); n != "" {
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Revised is the object as it travels.
func (o *Object) Revised() *events.NetworkRevised {
	return &events.NetworkRevised{Object: o.Message, Revision: o.Revision}
}

// FromRevised makes an object of what has travelled; nil if it is none: no object, or one
// of a path that cannot be.
func FromRevised(m *events.NetworkRevised) *Object {
	if m.GetObject() == nil {
		return nil
	}
	if _, t, err := ParsePath(m.Object.Path); err != nil || typeOf(m.Object) != t {
		return nil
	}
	return NewObject(m.Object, m.Revision)
}

// typeOf is the type that the spec of an object has; empty if it has none.
func typeOf(m *events.NetworkObject) Type {
	switch m.Spec.(type) {
	case *events.NetworkObject_Network:
		return NetworkType
	case *events.NetworkObject_Segment:
		return SegmentType
	case *events.NetworkObject_Router:
		return RouterType
	case *events.NetworkObject_Group:
		return GroupType
	case *events.NetworkObject_Rule:
		return RuleType
	case *events.NetworkObject_Chain:
		return ChainType
	}
	return ""
}

// reference is what an object refers to.
type reference struct {
	path string
	// pointer to it, in the object.
	pointer string
	// to is the type that it must have.
	to Type
}

// references lists what an object refers to, as it is given.
func references(m *events.NetworkObject) (out []reference) {
	one := func(pointer, path string, to Type) {
		if path != "" {
			out = append(out, reference{path, pointer, to})
		}
	}
	list := func(pointer string, paths []string, to Type) {
		for i, p := range paths {
			out = append(out, reference{p, at(pointer, i), to})
		}
	}
	switch s := m.Spec.(type) {
	case *events.NetworkObject_Segment:
		one("/segment/router", s.Segment.GetRouter(), RouterType)
	case *events.NetworkObject_Router:
		one("/router/uplink", s.Router.GetUplink(), RouterType)
	case *events.NetworkObject_Group:
		list("/group/segments", s.Group.GetSegments(), SegmentType)
		list("/group/groups", s.Group.GetGroups(), GroupType)
	case *events.NetworkObject_Rule:
		list("/rule/from", s.Rule.GetFrom(), GroupType)
		list("/rule/to", s.Rule.GetTo(), GroupType)
	case *events.NetworkObject_Chain:
		list("/chain/from", s.Chain.GetFrom(), GroupType)
		list("/chain/to", s.Chain.GetTo(), GroupType)
	}
	return out
}
