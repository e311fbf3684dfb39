package check

import (
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func selects(t *testing.T, by *metav1.LabelSelector, w workload) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(by)
	if err != nil {
		t.Fatal(err)
	}
	return !selector.Empty() && selector.Matches(labels.Set(w.pod.Labels))
}

func is[T comparable](p *T, want T) bool { return p != nil && *p == want }

// A pod is nobody, has no capabilities, no token and nothing to write to but /tmp.
func TestPodsMayDoLittle(t *testing.T) {
	m := load(t)
	if a := m.accounts["spanway"]; a == nil || !is(a.AutomountServiceAccountToken, false) {
		t.Error("the service account has a token")
	}
	if n := m.spaces["spanway"]; n == nil || n.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
		t.Error("the namespace takes pods that may do more")
	}
	for name, w := range m.workloads {
		pod := w.pod.Spec
		if len(pod.Containers) != 1 || len(pod.InitContainers) > 0 {
			t.Errorf("%s has other containers", name)
		}
		if pod.ServiceAccountName != "spanway" || !is(pod.AutomountServiceAccountToken, false) || !is(pod.EnableServiceLinks, false) {
			t.Errorf("%s gets a token, or variables of services", name)
		}
		if pod.HostNetwork || pod.HostPID || pod.HostIPC {
			t.Errorf("%s is in a namespace of its node", name)
		}
		s, own := pod.SecurityContext, w.container().SecurityContext
		if s == nil || !is(s.RunAsNonRoot, true) || !is(s.RunAsUser, 65532) || !is(s.RunAsGroup, 65532) || !is(s.FSGroup, 65532) ||
			s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s may be somebody: %v", name, s)
		}
		if own == nil || !is(own.AllowPrivilegeEscalation, false) || !is(own.ReadOnlyRootFilesystem, true) || own.Privileged != nil ||
			own.Capabilities == nil || !slices.Equal(own.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(own.Capabilities.Add) > 0 {
			t.Errorf("%s may do more than it needs: %v", name, own)
		}
	}
}

// What a file is read from is mounted, read-only, and secrets are files, each of which
// docs/kubernetes.md tells how to make.
func TestSecretsAreFiles(t *testing.T) {
	m := load(t)
	text, err := os.ReadFile("../../../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range m.workloads {
		c, mounts := w.container(), map[string]string{}
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil || strings.HasSuffix(e.Name, "PASSWORD") {
				t.Errorf("%s: %s is a secret in a variable", name, e.Name)
			}
		}
		for _, mount := range c.VolumeMounts {
			mounts[mount.Name] = mount.MountPath
			if !mount.ReadOnly && mount.MountPath != "/tmp" || mount.SubPath != "" {
				t.Errorf("%s: %s may be written to, or is not renewed", name, mount.MountPath)
			}
		}
		for _, v := range w.pod.Spec.Volumes {
			if mounts[v.Name] == "" {
				t.Errorf("%s: volume %s is nowhere", name, v.Name)
			}
			switch {
			case v.Secret != nil && (!strings.Contains(string(text), "secret generic "+v.Secret.SecretName+" ") || !is(v.Secret.DefaultMode, 0o440)):
				t.Errorf("%s: docs/kubernetes.md does not say how to make secret %s, or others may read it", name, v.Secret.SecretName)
			case v.ConfigMap != nil && m.configs[v.ConfigMap.Name] == nil && !strings.Contains(string(text), "configmap "+v.ConfigMap.Name+" "):
				t.Errorf("%s: there is no ConfigMap %s", name, v.ConfigMap.Name)
			case v.EmptyDir != nil && v.EmptyDir.SizeLimit == nil:
				t.Errorf("%s: volume %s has no limit", name, v.Name)
			case v.Secret == nil && v.ConfigMap == nil && v.EmptyDir == nil:
				t.Errorf("%s: volume %s is something else", name, v.Name)
			}
		}
		for variable, path := range m.environment(t, c) {
			if !strings.HasSuffix(variable, "_FILE") && !strings.HasSuffix(variable, "_CA") && variable != "SPANWAY_CONFIG" {
				continue
			}
			if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return strings.HasPrefix(path, m.MountPath+"/") }) {
				t.Errorf("%s: %s is %s, and nothing is mounted there", name, variable, path)
			}
		}
	}
}

// Each workload has probes, is on several nodes, and keeps one pod when a node is emptied.
func TestWorkloadsStay(t *testing.T) {
	m := load(t)
	for name, w := range m.workloads {
		c := w.container()
		for _, p := range []struct {
			probe *corev1.Probe
			path  string
		}{{c.StartupProbe, "/livez"}, {c.LivenessProbe, "/livez"}, {c.ReadinessProbe, "/readyz"}} {
			if p.probe == nil || p.probe.HTTPGet == nil || p.probe.HTTPGet.Path != p.path || p.probe.HTTPGet.Port.StrVal != "http" {
				t.Errorf("%s: want a probe of %s, got %v", name, p.path, p.probe)
			}
		}
		if w.replicas < 2 || !selects(t, w.selector, w) {
			t.Errorf("%s: %d pods, selected by %v", name, w.replicas, w.selector)
		}
		spread := w.pod.Spec.TopologySpreadConstraints
		if len(spread) != 1 || !selects(t, spread[0].LabelSelector, w) {
			t.Errorf("%s is not spread over nodes", name)
		}
		b := m.budgets[name]
		if b == nil || !selects(t, b.Spec.Selector, w) || b.Spec.MaxUnavailable == nil || b.Spec.MaxUnavailable.IntValue() >= int(w.replicas) {
			t.Errorf("%s has no budget that leaves a pod", name)
		}
		if b != nil && (b.Spec.UnhealthyPodEvictionPolicy == nil || *b.Spec.UnhealthyPodEvictionPolicy != policyv1.AlwaysAllow) {
			t.Errorf("the budget of %s holds a node up whose pods are not ready", name)
		}
		if s := m.services[name]; w.set && (s == nil || s.Spec.ClusterIP != "None" || !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(w.pod.Labels))) {
			t.Errorf("%s has no headless service", name)
		}
		for other, o := range m.workloads {
			if other != name && (selects(t, w.selector, o) || selects(t, m.budgets[name].Spec.Selector, o)) {
				t.Errorf("%s selects pods of %s", name, other)
			}
		}
	}
}

// All is refused but what is named, and only allocators reach Redis, only replicators
// and the global manager other Kafkas.
func TestNetworksAreClosed(t *testing.T) {
	m := load(t)
	both := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	all := m.policies["nothing"]
	if all == nil || len(all.Spec.PodSelector.MatchLabels) > 0 || !slices.Equal(all.Spec.PolicyTypes, both) || len(all.Spec.Ingress)+len(all.Spec.Egress) > 0 {
		t.Error("not all is refused")
	}
	only := map[string]string{"redis": "allocator", "sources": "replicator", "sites": "global-manager"}
	for name, p := range m.policies {
		if want := only[name]; p.Spec.PodSelector.MatchLabels["app.kubernetes.io/name"] != want {
			t.Errorf("policy %s is of %v, want %q", name, p.Spec.PodSelector.MatchLabels, want)
		}
		for _, rule := range p.Spec.Ingress {
			if name != "telemetry" || len(rule.From) == 0 || len(rule.Ports) != 1 || rule.Ports[0].Port.StrVal != "http" {
				t.Errorf("policy %s lets in %v", name, rule)
			}
		}
		for _, rule := range p.Spec.Egress {
			if len(rule.To) == 0 || len(rule.Ports) == 0 {
				t.Errorf("policy %s lets out to anywhere: %v", name, rule)
			}
		}
	}
	for name := range only {
		if m.policies[name] == nil {
			t.Errorf("there is no policy %s", name)
		}
	}
}
