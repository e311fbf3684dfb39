package network

import (
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Path names an object.
type Path string

// Type is a type of objects.
type Type string

// The types of objects, as the documentation names them.
const (
	NetworkType Type = "network"
	SegmentType Type = "segment"
	RouterType  Type = "router"
	GroupType   Type = "group"
	RuleType    Type = "rule"
	ChainType   Type = "chain"
)

// Types lists the types.
func Types() []Type {
	return []Type{NetworkType, SegmentType, RouterType, GroupType, RuleType, ChainType}
}

// folder is where objects of a type are in their network.
func (t Type) folder() string { return string(t) + "s" }

// maxNameBytes bounds one name of a path.
const maxNameBytes = 63

// ParsePath checks a path, and tells the type of what has it. The error is a
// *events.Malformed.
func ParsePath(path string) (Path, Type, error) {
	rest, ok := strings.CutPrefix(path, "/networks/")
	if len(path) > 4*maxNameBytes || !ok {
		return "", "", events.Refuse(events.CodeBadPath, "the path is %.80q; give /networks/NAME or /networks/NAME/segments/NAME (routers, groups, rules, chains)", path)
	}
	parts := strings.Split(rest, "/")
	if len(parts) != 1 && len(parts) != 3 {
		return "", "", events.Refuse(events.CodeBadPath, "the path %q has %d parts; give /networks/NAME or /networks/NAME/segments/NAME", path, len(parts)+1)
	}
	for i := 0; i < len(parts); i += 2 {
		if !nameable(parts[i]) {
			return "", "", events.Refuse(events.CodeBadPath, "the path %q has the name %q; give 1 to %d of a-z, 0-9, '-', '_' and '.', with a letter or a digit at both ends", path, parts[i], maxNameBytes)
		}
	}
	if len(parts) == 1 {
		return Path(path), NetworkType, nil
	}
	for _, t := range Types()[1:] {
		if parts[1] == t.folder() {
			return Path(path), t, nil
		}
	}
	return "", "", events.Refuse(events.CodeBadPath, "the path %q names the type %q; give segments, routers, groups, rules or chains", path, parts[1])
}

// nameable tells whether it can be the name of an object.
func nameable(name string) bool {
	if name == "" || len(name) > maxNameBytes || !alphanumeric(name[0]) || !alphanumeric(name[len(name)-1]) {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool { return r > 'z' || !alphanumeric(byte(r)) && r != '-' && r != '_' && r != '.' }) < 0
}

func alphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// Type of what has the path, which ParsePath has taken.
func (p Path) Type() Type {
	_, t, _ := ParsePath(string(p))
	return t
}

// Network is the path of the network that it is in; empty of a network itself.
func (p Path) Network() Path {
	parts := strings.SplitN(string(p), "/", 5)
	if len(parts) < 5 {
		return ""
	}
	return Path(strings.Join(parts[:3], "/"))
}
