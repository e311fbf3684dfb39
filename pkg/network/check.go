package network

import (
	"errors"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Bounds of a change. The request for it is one record, and so is the event.
const (
	MaxObjects     = 10_000
	MaxObjectBytes = 64 << 10
	MaxChangeBytes = 384 << 10
	// MaxMistakes are told of one change.
	MaxMistakes = 100
)

// Mistake is one thing that is wrong with a change.
type Mistake struct {
	// Path of the object; empty if it is about all of the change.
	Path string
	// Pointer is a JSON pointer (RFC 6901) into the request.
	Pointer string
	Code    events.Code
	Message string
}

// checker collects mistakes.
type checker struct {
	state    *State
	request  *events.NetworkChangeRequested
	mistakes []Mistake
	// puts are the objects that can be read, deletes those that are there.
	puts    map[Path]*Object
	where   map[Path]string // pointers to them
	deletes map[Path]bool
}

// Check tells what is wrong with a change that is requested, at most MaxMistakes. Without
// mistakes the change can be applied; its objects have that revision.
func (s *State) Check(m *events.NetworkChangeRequested, revision uint64) (Change, []Mistake) {
	c := &checker{state: s, request: m, puts: map[Path]*Object{}, where: map[Path]string{}, deletes: map[Path]bool{}}
	if !c.sized() {
		return Change{}, c.mistakes
	}
	var change Change
	for i, o := range m.Objects {
		if obj := c.object(o, at("/objects", i), revision); obj != nil {
			change.Puts = append(change.Puts, obj)
		}
	}
	for i, p := range m.Deletes {
		if c.deletable(p, at("/deletes", i)) {
			change.Deletes = append(change.Deletes, Path(p))
		}
	}
	c.expected()
	for _, o := range change.Puts {
		c.references(o)
		c.placed(o)
	}
	for _, p := range change.Deletes {
		c.unused(p)
	}
	if len(c.mistakes) == 0 {
		c.cycles(change.Puts)
	}
	return change, c.mistakes
}

func (c *checker) wrong(path, pointer string, code events.Code, format string, args ...any) {
	if len(c.mistakes) < MaxMistakes {
		c.mistakes = append(c.mistakes, Mistake{path, pointer, code, events.Refuse(code, format, args...).Message})
	}
}

// wrongly adds an error of another check.
func (c *checker) wrongly(path, pointer string, err error) bool {
	var m *events.Malformed
	if errors.As(err, &m) {
		c.wrong(path, pointer, m.Code, "%s", m.Message)
	}
	return err != nil
}

// sized checks how much it is.
func (c *checker) sized() bool {
	m := c.request
	n := len(m.Objects) + len(m.Deletes)
	switch {
	case n == 0:
		c.wrong("", "", events.CodeBadData, "the change has no objects and no deletes; give one at least")
	case n > MaxObjects || len(m.Expect) > MaxObjects:
		c.wrong("", "", events.CodeTooLarge, "the change has %d objects and deletes, and expects %d revisions; at most %d are allowed in one change", n, len(m.Expect), MaxObjects)
	case proto.Size(m) > MaxChangeBytes:
		c.wrong("", "", events.CodeTooLarge, "the change has %d bytes; at most %d are allowed in one change: divide it", proto.Size(m), MaxChangeBytes)
	case m.DeadlineMs < 0 || m.DeadlineMs > maxDeadlineMs:
		c.wrong("", "/deadlineMs", events.CodeBadData, "the deadline is %d ms; give 1 to %d, or 0 for 10 minutes", m.DeadlineMs, int64(maxDeadlineMs))
	default:
		return !c.wrongly("", "/reason", events.CheckOptionalID("the reason", m.Reason))
	}
	return false
}

// maxDeadlineMs is 30 days.
const maxDeadlineMs = 30 * 24 * 3600 * 1000

// object reads an object; nil if it cannot be one.
func (c *checker) object(m *events.NetworkObject, pointer string, revision uint64) *Object {
	path, t, err := ParsePath(m.GetPath())
	if c.wrongly(m.GetPath(), pointer+"/path", err) {
		return nil
	}
	if of := typeOf(m); of != t {
		c.wrong(m.Path, pointer, events.CodeBadPath, "the path is that of a %s, and the object is %s; give it the field %q", t, described(of), t)
		return nil
	}
	if c.where[path] != "" {
		c.wrong(m.Path, pointer+"/path", events.CodeTwice, "%s is in the change twice, at %s, too", path, c.where[path])
		return nil
	}
	if n := proto.Size(m); n > MaxObjectBytes {
		c.wrong(m.Path, pointer, events.CodeTooLarge, "the object has %d bytes; at most %d are allowed", n, MaxObjectBytes)
		return nil
	}
	c.wrongly(m.Path, pointer+"/labels", CheckLabels(m.Labels))
	c.fields(m, pointer)
	c.span(m, pointer)
	o := NewObject(m, revision)
	c.puts[path], c.where[path] = o, pointer
	return o
}

func described(t Type) string {
	if t == "" {
		return "nothing"
	}
	return "a " + string(t)
}

// span checks the span that an object has.
func (c *checker) span(m *events.NetworkObject, pointer string) {
	span := m.Span
	if span == nil {
		return
	}
	pointer += "/span"
	switch {
	case span.WhereUsed && (len(span.Sites) > 0 || span.Selector != ""):
		c.wrong(m.Path, pointer, events.CodeBadSpan, "the span is where it is used, and names sites; give one of the two")
		return
	case span.WhereUsed:
		return
	case len(span.Sites) == 0 && span.Selector == "":
		c.wrong(m.Path, pointer, events.CodeBadSpan, "the span covers no site; give sites, a selector, or whereUsed")
		return
	}
	known := true
	for i, site := range span.Sites {
		if !c.state.HasSite(site) {
			known = false
			c.wrong(m.Path, at(pointer+"/sites", i), events.CodeUnknownSite, "there is no site %.80q; see `spanway site list`", site)
		}
	}
	if span.Selector != "" {
		if _, err := ParseSelector(span.Selector); c.wrongly(m.Path, pointer+"/selector", err) {
			return
		}
	}
	if known && len(c.state.names(span)) == 0 {
		c.wrong(m.Path, pointer, events.CodeBadSpan, "the span covers no site: the selector %q finds none; see `spanway site list`", span.Selector)
	}
}

// deletable checks the path of an object that is to be deleted.
func (c *checker) deletable(path, pointer string) bool {
	p, _, err := ParsePath(path)
	switch {
	case c.wrongly(path, pointer, err):
	case c.where[p] != "":
		c.wrong(path, pointer, events.CodeTwice, "%s is in the change twice, at %s, too", p, c.where[p])
	case c.state.objects[p] == nil:
		c.wrong(path, pointer, events.CodeUnknownObject, "there is no object %s, so it cannot be deleted", p)
	default:
		c.deletes[p], c.where[p] = true, pointer
		return true
	}
	return false
}

// expected compares the revisions that the caller has seen.
func (c *checker) expected() {
	for i, e := range c.request.Expect {
		o := c.state.objects[Path(e.GetPath())]
		switch {
		case o == nil && e.GetRevision() != 0:
			c.wrong(e.GetPath(), at("/expect", i), events.CodeStaleRevision, "%.200q was seen at revision %d, and is not there any more", e.GetPath(), e.GetRevision())
		case o != nil && o.Revision != e.GetRevision():
			c.wrong(e.GetPath(), at("/expect", i), events.CodeStaleRevision, "%s has revision %d, and was seen at %d; look at it again, and repeat the change", o.Path, o.Revision, e.GetRevision())
		}
	}
}

// there finds an object as it is after the change.
func (c *checker) there(p Path) *Object {
	if o := c.puts[p]; o != nil {
		return o
	}
	if c.deletes[p] {
		return nil
	}
	return c.state.objects[p]
}

// references checks that what an object refers to is there.
func (c *checker) references(o *Object) {
	for _, r := range references(o.Message) {
		pointer := c.where[o.Path] + r.pointer
		p, t, err := ParsePath(r.path)
		switch {
		case c.wrongly(string(o.Path), pointer, err):
		case t != r.to:
			c.wrong(string(o.Path), pointer, events.CodeBadPath, "%s refers to %s, which is a %s; a %s belongs there", o.Path, p, t, r.to)
		case c.there(p) == nil:
			c.wrong(string(o.Path), pointer, events.CodeUnknownObject, "%s refers to %s, which is not there%s", o.Path, p, c.deleted(p))
		}
	}
	if n := o.Path.Network(); n != "" && c.there(n) == nil {
		c.wrong(string(o.Path), c.where[o.Path]+"/path", events.CodeUnknownObject, "%s is in the network %s, which is not there%s", o.Path, n, c.deleted(n))
	}
}

func (c *checker) deleted(p Path) string {
	if c.deletes[p] {
		return " after this change, which deletes it"
	}
	return ""
}

// placed checks that something says where an object is: it, or its network. If it is a
// network, that is so for what is in it, too.
func (c *checker) placed(o *Object) {
	if o.Path.Network() != "" {
		n := c.there(o.Path.Network())
		if inherits(o.Path.Type()) && o.Message.Span == nil && n != nil && !spans(n) {
			c.wrong(string(o.Path), c.where[o.Path], events.CodeBadSpan, "nothing says at which sites %s is; give a span to it or to %s", o.Path, n.Path)
		}
		return
	}
	if spans(o) {
		return
	}
	for _, user := range c.state.Users(o.Path) {
		in := c.there(user)
		if in != nil && c.puts[user] == nil && user.Network() == o.Path && inherits(user.Type()) && in.Message.Span == nil {
			c.wrong(string(o.Path), c.where[o.Path], events.CodeBadSpan, "%s has its span from %s, which has none after this change; give one of them a span", user, o.Path)
		}
	}
}

// spans tells whether the span of a network says where what is in it is.
func spans(network *Object) bool {
	return network.Message.Span != nil && !network.Message.Span.WhereUsed
}

// unused checks that nothing refers to what is deleted.
func (c *checker) unused(p Path) {
	for _, user := range c.state.Users(p) {
		if o := c.there(user); o != nil && slices.Contains(o.References, p) && c.puts[user] == nil {
			c.wrong(string(p), c.where[p], events.CodeReferredTo, "%s cannot be deleted: %s refers to it; delete or change that, too", p, user)
			return
		}
	}
}

// at is the pointer to an item of a list.
func at(pointer string, i int) string { return pointer + "/" + strconv.Itoa(i) }
