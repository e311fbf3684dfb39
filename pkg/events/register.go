package events

import (
	"fmt"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/proto"
)

var (
	foreign []registration
	looked  atomic.Bool // the tables are built
)

// Register makes a type of another program known, so that its records are written and
// read as those of Spanway: it is how a program has events of its own in a log of its
// own. m is a nil pointer of the message's type. Any protobuf message will do, also one
// of the well-known wrappers, but each for one type only.
//
// It is for init functions, and panics where the program is at fault: on a type below
// "spanway.", a type or message that is registered already, and after the first record
// was read or written.
func Register(t Type, kind Kind, m proto.Message) {
	switch {
	case strings.HasPrefix(string(t), "spanway.") || t == "":
		panic(fmt.Sprintf("events: register %q: types of another program begin with a name of its own", t))
	case kind < Command || kind > Notice:
		panic(fmt.Sprintf("events: register %q: kind %d is not known", t, kind))
	case looked.Load():
		panic(fmt.Sprintf("events: register %q: the first record was read or written already; register in an init function", t))
	}
	for _, r := range append(registrations[:len(registrations):len(registrations)], foreign...) {
		if r.typ == t || r.message.ProtoReflect().Descriptor() == m.ProtoReflect().Descriptor() {
			panic(fmt.Sprintf("events: register %q as %s: %q is registered as %s", t,
				m.ProtoReflect().Descriptor().FullName(), r.typ, r.message.ProtoReflect().Descriptor().FullName()))
		}
	}
	foreign = append(foreign, registration{t, kind, m})
}
