package call

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Allowed is a list of prefixes of URLs. It is compared part by part on what was
// parsed, never as text: scheme, host and port must be equal, and the segments
// of the path must begin with the prefix's.
type Allowed []prefix

// prefix is one entry. What is said of a URL in it is said in one form only.
type prefix struct {
	scheme, host string
	port         string // "*": any
	path         []string
	text         string
}

// anyPort stands for a port.
const anyPort = ":*"

// NewAllowed reads a list of prefixes such as https://api.example/v1 or
// http://127.0.0.1:* (any port). Without a port the scheme's own is meant.
func NewAllowed(prefixes []string) (Allowed, error) {
	out := make(Allowed, 0, len(prefixes))
	for _, text := range prefixes {
		scheme, rest, _ := strings.Cut(text, "://")
		authority, path, _ := strings.Cut(rest, "/")
		bare, wild := strings.CutSuffix(authority, anyPort)
		u, err := parseURL(scheme + "://" + bare + "/" + path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("allow %q: %w", text, err)
		case wild && u.port != portOf(u.scheme, ""):
			return nil, fmt.Errorf("allow %q: it has two ports: give one, or %s", text, anyPort)
		case u.more:
			return nil, fmt.Errorf("allow %q: a prefix has no query and no fragment: leave them out", text)
		}
		p := prefix{u.scheme, u.host, u.port, u.path, text}
		if wild {
			p.port = "*"
		}
		if n := len(p.path); n > 0 && p.path[n-1] == "" {
			p.path = p.path[:n-1] // /v1/ means /v1 and what is in it.
		}
		out = append(out, p)
	}
	return out, nil
}

// Check tells why a URL is not allowed; nil if it is.
func (a Allowed) Check(text string) error {
	u, err := parseURL(text)
	if err != nil {
		return err
	}
	var all []string
	for _, p := range a {
		if p.covers(u) {
			return nil
		}
		all = append(all, p.text)
	}
	if len(all) == 0 {
		return fmt.Errorf("%q is not allowed: nothing is on this engine", text)
	}
	return fmt.Errorf("%q is not allowed on this engine: use what begins with one of %s", text, strings.Join(all, ", "))
}

func (p prefix) covers(u target) bool {
	if p.scheme != u.scheme || p.host != u.host || p.port != "*" && p.port != u.port || len(p.path) > len(u.path) {
		return false
	}
	for i := range p.path {
		if p.path[i] != u.path[i] {
			return false
		}
	}
	return true
}

// target is a URL in the one form in which it is compared.
type target struct {
	scheme, host, port string
	path               []string // unescaped segments; none for / alone
	more               bool     // it has a query or a fragment
}

// parseURL reads a URL and refuses what two programs could read in two ways.
func parseURL(text string) (target, error) {
	u, err := url.Parse(text)
	var why *url.Error
	if errors.As(err, &why) {
		err = why.Err
	}
	switch {
	case err != nil:
		return target{}, fmt.Errorf("url %.200q: %w", text, err)
	case u.Scheme != "http" && u.Scheme != "https":
		return target{}, fmt.Errorf("url %.200q: use http:// or https://", text)
	case u.Opaque != "" || u.Hostname() == "":
		return target{}, fmt.Errorf("url %.200q: it names no host", text)
	case u.User != nil:
		return target{}, errors.New("the url has a user or a password in it: send a header instead")
	case strings.ContainsAny(text, "\\\t\r\n"):
		return target{}, fmt.Errorf("url %.200q: it has a backslash or a control character: remove it", text)
	}
	host, err := hostOf(u.Hostname())
	if err != nil {
		return target{}, fmt.Errorf("url %.200q: %w", text, err)
	}
	path, err := segments(u.EscapedPath())
	if err != nil {
		return target{}, fmt.Errorf("url %.200q: %w", text, err)
	}
	return target{u.Scheme, host, portOf(u.Scheme, u.Port()), path, u.RawQuery != "" || u.ForceQuery || u.Fragment != ""}, nil
}

// hostOf gives names and addresses one form each. An address in another one, such
// as 0x7f.1, is a name, and so is not what a prefix with the address means.
func hostOf(name string) (string, error) {
	if strings.Contains(name, ":") || strings.HasPrefix(name, "[") {
		a, err := netip.ParseAddr(name)
		if err != nil || a.Zone() != "" {
			return "", fmt.Errorf("host %q: use an IPv6 address without a zone", name)
		}
		return a.String(), nil
	}
	for _, r := range name {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("%/?#@,;*", r) {
			return "", fmt.Errorf("host %q: use letters, digits, hyphens and dots (of other scripts: punycode)", name)
		}
	}
	return strings.ToLower(name), nil
}

func portOf(scheme, port string) string {
	switch {
	case port != "":
		return strings.TrimLeft(port[:len(port)-1], "0") + port[len(port)-1:]
	case scheme == "https":
		return "443"
	}
	return "80"
}

// segments are the unescaped parts of a path. Refused is what might be another
// path to the server: parts that mean "here" or "above", separators in a part,
// and escapes that would be such after a second look.
func segments(escaped string) ([]string, error) {
	escaped = strings.TrimPrefix(escaped, "/")
	if escaped == "" {
		return nil, nil
	}
	var out []string
	for part := range strings.SplitSeq(escaped, "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(plain, ";") // Some servers drop what follows.
		lower := strings.ToLower(plain)
		switch {
		case name == "." || name == "..":
			return nil, fmt.Errorf("path segment %q: write the path without it", part)
		case strings.ContainsAny(plain, "/\\\x00"), strings.Contains(lower, "%2f"), strings.Contains(lower, "%5c"), strings.Contains(lower, "%2e"):
			return nil, fmt.Errorf("path segment %q: it hides a separator or a dot behind an escape: write the path without it", part)
		}
		out = append(out, plain)
	}
	return out, nil
}
