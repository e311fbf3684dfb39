package check

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// workload is a Deployment or a StatefulSet.
type workload struct {
	replicas int32
	selector *metav1.LabelSelector
	pod      corev1.PodTemplateSpec
	set      bool
}

func (w workload) container() corev1.Container { return w.pod.Spec.Containers[0] }

// manifests are all objects of deploy/kubernetes, by name.
type manifests struct {
	workloads map[string]workload
	configs   map[string]*corev1.ConfigMap
	services  map[string]*corev1.Service
	policies  map[string]*networkingv1.NetworkPolicy
	budgets   map[string]*policyv1.PodDisruptionBudget
	accounts  map[string]*corev1.ServiceAccount
	spaces    map[string]*corev1.Namespace
}

// load decodes every document strictly: a field that Kubernetes does not know, or that
// stands there twice, is an error, as is a kind that is not expected.
func load(t *testing.T) manifests {
	t.Helper()
	names, err := filepath.Glob("../*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal("no manifests:", err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	m := manifests{
		workloads: map[string]workload{}, configs: map[string]*corev1.ConfigMap{}, services: map[string]*corev1.Service{},
		policies: map[string]*networkingv1.NetworkPolicy{}, budgets: map[string]*policyv1.PodDisruptionBudget{},
		accounts: map[string]*corev1.ServiceAccount{}, spaces: map[string]*corev1.Namespace{},
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for r := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
			document, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(name, err)
			}
			object, _, err := strict.Decode(document, nil, nil)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, document)
			}
			m.add(t, name, object)
		}
	}
	return m
}

func (m manifests) add(t *testing.T, file string, object runtime.Object) {
	t.Helper()
	meta, ok := object.(metav1.Object)
	if !ok {
		t.Fatalf("%s: %T has no name", file, object)
	}
	name := meta.GetName()
	switch o := object.(type) {
	case *corev1.Namespace:
		m.spaces[name] = o
		return
	case *appsv1.Deployment:
		m.workloads[name] = workload{*o.Spec.Replicas, o.Spec.Selector, o.Spec.Template, false}
	case *appsv1.StatefulSet:
		m.workloads[name] = workload{*o.Spec.Replicas, o.Spec.Selector, o.Spec.Template, true}
		if o.Spec.ServiceName != name {
			t.Errorf("%s: the service of StatefulSet %s is %q", file, name, o.Spec.ServiceName)
		}
	case *corev1.ConfigMap:
		m.configs[name] = o
	case *corev1.Service:
		m.services[name] = o
	case *corev1.ServiceAccount:
		m.accounts[name] = o
	case *networkingv1.NetworkPolicy:
		m.policies[name] = o
	case *policyv1.PodDisruptionBudget:
		m.budgets[name] = o
	default:
		t.Errorf("%s: %T is not expected here: secrets stand in no file", file, object)
	}
	if meta.GetNamespace() != "spanway" {
		t.Errorf("%s: %s is in namespace %q", file, name, meta.GetNamespace())
	}
}
