package network

import (
	"cmp"
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// State is all objects and sites. It is for one goroutine.
type State struct {
	objects map[Path]*Object
	// users are what refers to an object.
	users map[Path]map[Path]bool
	sites map[string]map[string]string
	// at are the sites that must have an object: sorted.
	at map[Path][]string
	// from counts, of an object, how many of its users are at a site: what many refer to, such as a
	// network, is placed without a look at each of them.
	from map[Path]map[string]int
}

// NewState returns a state without objects and sites.
func NewState() *State {
	return &State{
		objects: map[Path]*Object{}, users: map[Path]map[Path]bool{},
		sites: map[string]map[string]string{}, at: map[Path][]string{}, from: map[Path]map[string]int{},
	}
}

// Object finds an object.
func (s *State) Object(p Path) (*Object, bool) {
	o, ok := s.objects[p]
	return o, ok
}

// Objects lists all objects by path.
func (s *State) Objects() []*Object {
	return slices.SortedFunc(maps.Values(s.objects), func(a, b *Object) int { return cmp.Compare(a.Path, b.Path) })
}

// Len is how many objects there are.
func (s *State) Len() int { return len(s.objects) }

// At lists the sites that must have an object: sorted. It must not be changed.
func (s *State) At(p Path) []string { return s.at[p] }

// Users lists what refers to an object: sorted.
func (s *State) Users(p Path) []Path { return slices.Sorted(maps.Keys(s.users[p])) }

// Sites lists the sites by name.
func (s *State) Sites() []Site {
	var out []Site
	for _, name := range slices.Sorted(maps.Keys(s.sites)) {
		out = append(out, Site{name, s.sites[name]})
	}
	return out
}

// HasSite tells whether there is a site of that name.
func (s *State) HasSite(name string) bool {
	_, ok := s.sites[name]
	return ok
}

// Change replaces and deletes objects.
type Change struct {
	Puts    []*Object
	Deletes []Path
}

// Delivery is what one site gets: Puts first, definitions before what refers to them; then
// Removes, the other way round.
type Delivery struct {
	Puts    []*Object
	Removes []Path
}

// Deliveries are those of sites, by name.
type Deliveries map[string]*Delivery

// Sites lists the sites that get something: those of the spans before and after it.
func (d Deliveries) Sites() []string { return slices.Sorted(maps.Keys(d)) }

func (d Deliveries) of(site string) *Delivery {
	if d[site] == nil {
		d[site] = &Delivery{}
	}
	return d[site]
}

// Apply makes a change that Check finds nothing wrong with, and tells what each site gets.
func (s *State) Apply(c Change) Deliveries {
	before, put := map[Path]*Object{}, map[Path]bool{}
	var changed []Path
	replace := func(p Path, o *Object) {
		if _, twice := before[p]; !twice {
			before[p] = s.objects[p]
			changed = append(changed, p)
		}
		s.replace(p, o)
		put[p] = o != nil
	}
	for _, o := range c.Puts {
		replace(o.Path, o)
	}
	for _, p := range c.Deletes {
		replace(p, nil)
	}
	affected := s.affected(changed, before)
	out := Deliveries{}
	was := map[Path][]string{}
	for _, p := range affected {
		was[p] = s.at[p]
	}
	s.place(affected)
	var gone []*Object
	for _, p := range affected {
		o := s.objects[p]
		for _, site := range s.at[p] {
			if _, had := slices.BinarySearch(was[p], site); !had || put[p] {
				d := out.of(site)
				d.Puts = append(d.Puts, o)
			}
		}
		if o = cmp.Or(before[p], o); o != nil && len(was[p]) > 0 {
			gone = append(gone, o)
		}
	}
	for _, d := range out {
		d.Puts = Order(d.Puts)
	}
	gone = Order(gone)
	slices.Reverse(gone)
	for _, o := range gone {
		for _, site := range was[o.Path] {
			if _, has := slices.BinarySearch(s.at[o.Path], site); !has {
				d := out.of(site)
				d.Removes = append(d.Removes, o.Path)
			}
		}
	}
	return out
}

// replace puts an object in the place of another one, or takes it away, if it is nil. What it refers
// to counts it where the other one was, until it is placed.
func (s *State) replace(p Path, o *Object) {
	if old := s.objects[p]; old != nil {
		for _, r := range old.References {
			s.count(r, s.at[p], -1)
			delete(s.users[r], p)
			if len(s.users[r]) == 0 {
				delete(s.users, r)
			}
		}
	}
	if o == nil {
		delete(s.objects, p)
		return
	}
	s.objects[p] = o
	for _, r := range o.References {
		if s.users[r] == nil {
			s.users[r] = map[Path]bool{}
		}
		s.users[r][p] = true
		s.count(r, s.at[p], 1)
	}
}

// count notes that so many more users of an object are at sites.
func (s *State) count(p Path, sites []string, by int) {
	for _, site := range sites {
		if s.from[p] == nil {
			s.from[p] = map[string]int{}
		}
		if s.from[p][site] += by; s.from[p][site] == 0 {
			delete(s.from[p], site)
		}
	}
	if len(s.from[p]) == 0 {
		delete(s.from, p)
	}
}

// affected lists, sorted, whose sites may be others once these have changed: they, what is
// in a network that has changed, and all that any of them refers to, or referred to.
func (s *State) affected(changed []Path, before map[Path]*Object) []Path {
	seen := map[Path]bool{}
	next := slices.Clone(changed)
	for _, p := range changed {
		if p.Network() == "" {
			for user := range s.users[p] {
				if user.Network() == p {
					next = append(next, user)
				}
			}
		}
	}
	for len(next) > 0 {
		p := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[p] {
			continue
		}
		seen[p] = true
		for _, o := range []*Object{s.objects[p], before[p]} {
			if o != nil {
				next = append(next, o.References...)
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// place finds out anew at which sites these must be. All that they refer to is among them.
func (s *State) place(affected []Path) {
	for _, p := range s.usersFirst(affected) {
		was, o := s.at[p], s.objects[p]
		if o == nil {
			delete(s.at, p)
			continue
		}
		sites := slices.AppendSeq(slices.Clone(s.own(o)), maps.Keys(s.from[p]))
		slices.Sort(sites)
		sites = slices.Compact(sites)
		if slices.Equal(was, sites) {
			continue
		}
		if s.at[p] = sites; len(sites) == 0 {
			delete(s.at, p)
		}
		for _, r := range o.References {
			s.count(r, was, -1)
			s.count(r, sites, 1)
		}
	}
}

// usersFirst orders objects so that each comes behind those of them that refer to it.
func (s *State) usersFirst(objects []Path) []Path {
	among := make(map[Path]bool, len(objects))
	for _, p := range objects {
		among[p] = true
	}
	var out []Path
	var visit func(p Path)
	visit = func(p Path) {
		if !among[p] {
			return // It is not of them, or there already.
		}
		among[p] = false
		if o := s.objects[p]; o != nil {
			for _, r := range o.References {
				visit(r)
			}
		}
		out = append(out, p)
	}
	for _, p := range objects {
		visit(p)
	}
	slices.Reverse(out)
	return out
}

// own lists the sites that an object is at whoever refers to it: sorted, each once.
func (s *State) own(o *Object) []string {
	if span := s.spanOf(o); span != nil {
		return s.names(span)
	}
	return nil
}

// spanOf is the span that says where an object is: its own, or that of its network. nil: it
// is where its users are.
func (s *State) spanOf(o *Object) *events.NetworkSpan {
	span := o.Message.Span
	if span == nil && inherits(o.Path.Type()) {
		if n := s.objects[o.Path.Network()]; n != nil {
			span = n.Message.Span
		}
	}
	if span.GetWhereUsed() {
		return nil
	}
	return span
}

// inherits tells whether objects of a type are where their network's span says, if they
// have none of their own.
func inherits(t Type) bool { return t != NetworkType && t != GroupType }

// SetSite adds a site or gives it other labels, and tells what it gets.
func (s *State) SetSite(site Site) *Delivery {
	before := s.Project(site.Name)
	s.sites[site.Name] = maps.Clone(site.Labels)
	s.placeAll()
	return Compare(before, s.Project(site.Name))
}

// RemoveSite takes a site out.
func (s *State) RemoveSite(name string) {
	delete(s.sites, name)
	s.placeAll()
}

func (s *State) placeAll() { s.place(slices.Sorted(maps.Keys(s.objects))) }
