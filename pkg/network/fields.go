package network

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// maxItems bounds a list of an object.
const maxItems = 1000

// fields checks what an object says, but for its references.
func (c *checker) fields(m *events.NetworkObject, pointer string) {
	switch s := m.Spec.(type) {
	case *events.NetworkObject_Network:
		c.text(m, pointer+"/network/description", s.Network.GetDescription())
	case *events.NetworkObject_Segment:
		c.prefix(m, pointer+"/segment/cidr", s.Segment.GetCidr())
		if v := s.Segment.GetVlan(); v > 4094 {
			c.wrong(m.Path, pointer+"/segment/vlan", events.CodeBadData, "the vlan is %d; give 1 to 4094, or 0 for none", v)
		}
	case *events.NetworkObject_Router:
		c.each(m, pointer+"/router/routes", s.Router.GetRoutes(), c.prefix)
	case *events.NetworkObject_Group:
		g := s.Group
		c.each(m, pointer+"/group/addresses", g.GetAddresses(), c.address)
		c.list(m, pointer+"/group/segments", g.GetSegments())
		c.list(m, pointer+"/group/groups", g.GetGroups())
	case *events.NetworkObject_Rule:
		c.rule(m, pointer+"/rule", s.Rule)
	case *events.NetworkObject_Chain:
		c.chain(m, pointer+"/chain", s.Chain)
	}
}

func (c *checker) rule(m *events.NetworkObject, pointer string, r *events.NetworkRule) {
	c.list(m, pointer+"/from", r.GetFrom())
	c.list(m, pointer+"/to", r.GetTo())
	c.oneOf(m, pointer+"/protocol", r.GetProtocol(), "", "any", "tcp", "udp", "icmp")
	c.oneOf(m, pointer+"/action", r.GetAction(), "allow", "deny")
	c.each(m, pointer+"/ports", r.GetPorts(), c.port)
	if p := r.GetPriority(); p > 65535 {
		c.wrong(m.Path, pointer+"/priority", events.CodeBadData, "the priority is %d; give 0 to 65535", p)
	}
	if len(r.GetPorts()) > 0 && r.GetProtocol() != "tcp" && r.GetProtocol() != "udp" {
		c.wrong(m.Path, pointer+"/ports", events.CodeBadData, "the rule has ports, and its protocol is %q; give tcp or udp", r.GetProtocol())
	}
}

// maxPaths bounds the paths of a chain.
const maxPaths = 256

func (c *checker) chain(m *events.NetworkObject, pointer string, ch *events.NetworkChain) {
	c.list(m, pointer+"/from", ch.GetFrom())
	c.list(m, pointer+"/to", ch.GetTo())
	c.oneOf(m, pointer+"/onFailure", ch.GetOnFailure(), "", "block", "allow")
	if n := len(ch.GetFunctions()); n == 0 || n > 255 {
		c.wrong(m.Path, pointer+"/functions", events.CodeBadData, "the chain has %d functions; give 1 to 255", n)
	}
	for i, f := range ch.GetFunctions() {
		if !nameable(f) {
			c.wrong(m.Path, at(pointer+"/functions", i), events.CodeBadData, "the function is %.80q; give 1 to %d of a-z, 0-9, '-', '_' and '.'", f, maxNameBytes)
		}
	}
	if p := ch.GetPaths(); p > maxPaths {
		c.wrong(m.Path, pointer+"/paths", events.CodeBadData, "the chain has %d paths; give 1 to %d, or 0 for 1", p, maxPaths)
	}
}

func (c *checker) text(m *events.NetworkObject, pointer, text string) {
	c.wrongly(m.Path, pointer, events.CheckOptionalID("the text", text))
}

func (c *checker) oneOf(m *events.NetworkObject, pointer, value string, these ...string) {
	if !slices.Contains(these, value) {
		name := pointer[strings.LastIndexByte(pointer, '/')+1:]
		c.wrong(m.Path, pointer, events.CodeBadData, "%s is %.80q; give one of %s", name, value, strings.Join(slices.DeleteFunc(these, func(s string) bool { return s == "" }), ", "))
	}
}

// list checks that a list is not too long, and has nothing twice.
func (c *checker) list(m *events.NetworkObject, pointer string, items []string) bool {
	if len(items) > maxItems {
		c.wrong(m.Path, pointer, events.CodeTooLarge, "the list has %d items; at most %d are allowed", len(items), maxItems)
		return false
	}
	seen := make(map[string]bool, len(items))
	for i, item := range items {
		if seen[item] {
			c.wrong(m.Path, at(pointer, i), events.CodeTwice, "the list has %.80q twice", item)
		}
		seen[item] = true
	}
	return true
}

func (c *checker) each(m *events.NetworkObject, pointer string, items []string, check func(m *events.NetworkObject, pointer, item string)) {
	if !c.list(m, pointer, items) {
		return
	}
	for i, item := range items {
		check(m, at(pointer, i), item)
	}
}

// prefix checks a network in CIDR notation. Bits beyond its length make it another one than
// it seems.
func (c *checker) prefix(m *events.NetworkObject, pointer, text string) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		c.wrong(m.Path, pointer, events.CodeBadData, "%.80q is no network; give one such as 10.1.0.0/24 or fd00:1::/64", text)
	case p.Masked() != p:
		c.wrong(m.Path, pointer, events.CodeBadData, "%s has bits beyond its length; give %s", p, p.Masked())
	}
}

func (c *checker) address(m *events.NetworkObject, pointer, text string) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return
	}
	c.prefix(m, pointer, text)
}

func (c *checker) port(m *events.NetworkObject, pointer, text string) {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	a, err := strconv.ParseUint(from, 10, 16)
	b, err2 := strconv.ParseUint(to, 10, 16)
	if err != nil || err2 != nil || a == 0 || b < a {
		c.wrong(m.Path, pointer, events.CodeBadData, "%.80q is no port; give 1 to 65535, or two with '-' between them", text)
	}
}
