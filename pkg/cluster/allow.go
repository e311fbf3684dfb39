package cluster

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// allowed are patterns of addresses. A broker tells its clients where the others are;
// without a list, one that is not to be trusted could send them anywhere.
type allowed []string

func (a allowed) validate() error {
	for _, pattern := range a {
		host, _ := split(pattern)
		_, notNetwork := netip.ParsePrefix(pattern)
		if host == "" || notNetwork != nil && strings.ContainsAny(host, "/ ") || strings.Contains(strings.TrimPrefix(host, "*."), "*") {
			return fmt.Errorf("cluster config: AllowedAddresses contains %q: give host, host:port, *.domain, *.domain:port or a network such as 10.0.0.0/8", pattern)
		}
	}
	return nil
}

// contains reports whether one of the patterns is for address, host:port.
func (a allowed) contains(address string) bool {
	host, port := split(address)
	ip, notIP := netip.ParseAddr(host)
	for _, pattern := range a {
		if network, err := netip.ParsePrefix(pattern); err == nil {
			if notIP == nil && network.Contains(ip) {
				return true
			}
			continue
		}
		wantHost, wantPort := split(pattern)
		if (wantPort == "" || wantPort == port) && matches(wantHost, host) {
			return true
		}
	}
	return false
}

func matches(pattern, host string) bool {
	if domain, wild := strings.CutPrefix(pattern, "*"); wild { // domain begins with a dot
		return len(host) > len(domain) && strings.EqualFold(host[len(host)-len(domain):], domain)
	}
	return strings.EqualFold(pattern, host)
}

// split separates host and port, which may be missing.
func split(address string) (host, port string) {
	if host, port, err := net.SplitHostPort(address); err == nil {
		return host, port
	}
	return address, ""
}
