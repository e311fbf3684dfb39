//go:build compose

package compose

import (
	"net"
	"slices"
	"strings"
	"sync"
)

// siteOf is the site in a service's name.
func siteOf(service string) string {
	for _, site := range sites {
		if strings.Contains(service, "-"+site) {
			return site
		}
	}
	return ""
}

// needs are the networks of a service besides telemetry.
func needs(service string) []string {
	switch {
	case strings.HasPrefix(service, "replicator"), strings.HasPrefix(service, "global-manager"):
		return []string{"ams", "fra"}
	case strings.HasPrefix(service, "allocator"):
		return []string{siteOf(service), "redis"}
	}
	return []string{siteOf(service)}
}

func (s stack) locked() {
	for i, c := range s.inspect(ours...) {
		service, host := ours[i], c.HostConfig
		if c.Config.User != "65532:65532" || !host.ReadonlyRootfs || !slices.Equal(host.CapDrop, []string{"ALL"}) ||
			!slices.Equal(host.SecurityOpt, []string{"no-new-privileges:true"}) {
			s.Errorf("%s may do more than it needs: user %q, %+v", service, c.Config.User, host)
		}
		if hasCheck := c.State.Health != nil; hasCheck != slices.Contains(served, service) {
			s.Errorf("%s has a health check: %v", service, hasCheck)
		}
	}
	for i, c := range s.inspect(running...) {
		if c.HostConfig.Memory == 0 || c.HostConfig.NanoCpus == 0 {
			s.Errorf("%s has no limit of memory or CPU: %+v", running[i], c.HostConfig)
		}
	}
	for _, c := range s.inspect(links...) {
		if c.State.Status != "exited" || c.State.ExitCode != 0 {
			s.Errorf("links are declared by a service that ends: %+v", c.State)
		}
	}
}

// walled looks which of Kafka and Redis each kind of service reaches: those that it
// needs. By name and by every address, so that a name that is not known is no wall.
func (s stack) walled() {
	for i, c := range s.inspect(ours...) {
		if want := slices.Sorted(slices.Values(append(needs(ours[i]), "telemetry"))); !slices.Equal(c.networks(), want) {
			s.Errorf("%s is in the networks %v, want %v", ours[i], c.networks(), want)
		}
	}
	for _, network := range []string{"ams", "fra", "redis", "telemetry"} {
		if out := must(s.T, 30*second, "docker", "network", "inspect", "--format", "{{.Internal}}", "spanway_"+network); strings.TrimSpace(out) != "true" {
			s.Errorf("network %s leads to elsewhere", network)
		}
	}
	var probes sync.WaitGroup
	targets := s.inspect(stores...)
	for _, service := range []string{"scheduler-ams-1", "engine-fra-1", "allocator-ams-1", "queues-ams", "replicator-ams", "global-manager-ams", "local-manager-fra", "demo-fra"} {
		for i, target := range targets {
			probes.Go(func() { s.probe(service, stores[i], target) })
		}
	}
	probes.Wait()
}

// probe looks whether a service reaches another one where, and only where, it needs it.
func (s stack) probe(service, target string, c container) {
	port, network := "9092", siteOf(target)
	if target == "redis" {
		port, network = "6379", "redis"
	}
	// What is needed answers, if late, on a machine that is busy; what is not is not waited for.
	want, patience := slices.Contains(needs(service), network), "1s"
	if want {
		patience = "15s"
	}
	reached := false
	hosts := []string{target}
	for _, n := range c.NetworkSettings.Networks {
		hosts = append(hosts, n.IPAddress)
	}
	for i := 0; i < len(hosts) && !(want && reached); i++ {
		host := hosts[i]
		// What answers speaks no HTTP. So it is an error in any case, and which one tells.
		_, err := run(20*second, "docker", "exec", named(service), "spanway", "healthcheck", "--timeout", patience, "--http", net.JoinHostPort(host, port))
		if err == nil {
			s.Errorf("%s at %s says that it is ready", target, host)
			continue
		}
		away := slices.ContainsFunc([]string{"no such host", "unreachable", "server misbehaving", "deadline exceeded", "i/o timeout"},
			func(text string) bool { return strings.Contains(err.Error(), text) })
		reached = reached || !away
	}
	if reached != want {
		s.Errorf("%s reaches %s: %v, want %v", service, target, reached, want)
	}
}

// untold takes the network of telemetry away, and everything else goes on.
func (s stack) untold() {
	for _, service := range slices.Concat(ours, watchers) {
		must(s.T, 30*second, "docker", "network", "disconnect", "--force", "spanway_telemetry", named(service))
	}
	must(s.T, 30*second, "docker", "network", "rm", "spanway_telemetry")
	s.tasksRun()
	s.identifiersGranted()
	s.queuesKept()
	s.copiesFollow()
	s.networksSpan()
	for i, c := range s.inspect(served...) {
		if !c.works() {
			s.Errorf("without telemetry %s is %+v", served[i], c.State)
		}
	}
}
