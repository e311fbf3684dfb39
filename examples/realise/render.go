package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// objects are all that the site has, by path.
type objects map[network.Path]*events.NetworkObject

// Families of addresses, as nftables names their matches and the types of their sets.
var families = []struct {
	match, kind, suffix string
	is                  func(netip.Addr) bool
}{
	{"ip", "ipv4_addr", "4", netip.Addr.Is4},
	{"ip6", "ipv6_addr", "6", netip.Addr.Is6},
}

// render writes what the site has as rules of nftables: each group is a set of addresses, each
// rule a rule of the chain that forwards, those of a lower priority first.
func (all objects) render() string {
	var b strings.Builder
	b.WriteString("table inet spanway\ndelete table inet spanway\ntable inet spanway {\n")
	paths := make([]network.Path, 0, len(all))
	for p := range all {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	var rules []network.Path
	for _, p := range paths {
		switch {
		case all[p].GetGroup() != nil:
			all.sets(&b, p)
		case all[p].GetRule() != nil:
			rules = append(rules, p)
		}
	}
	slices.SortStableFunc(rules, func(x, y network.Path) int {
		return cmp.Compare(all[x].GetRule().Priority, all[y].GetRule().Priority)
	})
	b.WriteString("\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n")
	for _, p := range rules {
		all.rule(&b, p)
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}

// sets writes the addresses of a group, those of each family as a set.
func (all objects) sets(b *strings.Builder, p network.Path) {
	addresses := all.addresses(p, map[network.Path]bool{})
	for _, f := range families {
		fmt.Fprintf(b, "\tset %s {\n\t\ttype %s\n\t\tflags interval\n\t\tauto-merge\n", name(p)+f.suffix, f.kind)
		var elements []string
		for _, a := range addresses {
			if f.is(a.Addr()) {
				elements = append(elements, a.String())
			}
		}
		if len(elements) > 0 {
			fmt.Fprintf(b, "\t\telements = { %s }\n", strings.Join(elements, ", "))
		}
		b.WriteString("\t}\n")
	}
}

// addresses are those of a group: its own, those of its segments, and of the groups in it.
func (all objects) addresses(p network.Path, seen map[network.Path]bool) (out []netip.Prefix) {
	if seen[p] {
		return nil
	}
	seen[p] = true
	group := all[p].GetGroup()
	texts := slices.Clone(group.GetAddresses())
	for _, s := range group.GetSegments() {
		texts = append(texts, all[network.Path(s)].GetSegment().GetCidr())
	}
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		} else if prefix, err := netip.ParsePrefix(text); err == nil {
			out = append(out, prefix.Masked())
		}
	}
	for _, g := range group.GetGroups() {
		out = append(out, all.addresses(network.Path(g), seen)...)
	}
	slices.SortFunc(out, netip.Prefix.Compare)
	return slices.Compact(out)
}

// rule writes a rule, for each family and each pair of groups.
func (all objects) rule(b *strings.Builder, p network.Path) {
	r := all[p].GetRule()
	rest := ""
	switch r.Protocol {
	case "", "any":
	case "icmp":
		rest = " meta l4proto { icmp, icmpv6 }"
	default:
		rest = " meta l4proto " + r.Protocol
		if len(r.Ports) > 0 {
			rest = fmt.Sprintf(" %s dport { %s }", r.Protocol, strings.Join(r.Ports, ", "))
		}
	}
	verdict := map[string]string{"allow": "accept", "deny": "drop"}[r.Action]
	if len(r.From)+len(r.To) == 0 {
		fmt.Fprintf(b, "\t\t%s comment %q\n", strings.TrimSpace(rest+" "+verdict), p)
		return
	}
	for _, f := range families {
		for _, from := range orAny(r.From) {
			for _, to := range orAny(r.To) {
				match := side(f.match+" saddr", from, f.suffix) + side(f.match+" daddr", to, f.suffix)
				fmt.Fprintf(b, "\t\t%s comment %q\n", strings.TrimSpace(match+rest+" "+verdict), p)
			}
		}
	}
}

// orAny is a list of groups, or that of no group, which is any address.
func orAny(groups []string) []string {
	if len(groups) == 0 {
		return []string{""}
	}
	return groups
}

func side(match, group, suffix string) string {
	if group == "" {
		return ""
	}
	return " " + match + " @" + name(network.Path(group)) + suffix
}

// name is what a path is called in nftables, which takes letters, digits and underscores: every
// other byte is written as its number, so that two paths have two names.
func name(p network.Path) string {
	var b strings.Builder
	for _, c := range []byte(strings.TrimPrefix(string(p), "/networks/")) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return "n_" + b.String()
}
