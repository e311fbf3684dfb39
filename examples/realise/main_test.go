package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

const shop = "/networks/shop"

// realised are the objects of a site, in the order in which they come.
func realised() []*events.NetworkObject {
	group := func(name string, g *events.NetworkGroup) *events.NetworkObject {
		return &events.NetworkObject{Path: shop + "/groups/" + name, Spec: &events.NetworkObject_Group{Group: g}}
	}
	rule := func(name string, r *events.NetworkRule) *events.NetworkObject {
		return &events.NetworkObject{Path: shop + "/rules/" + name, Spec: &events.NetworkObject_Rule{Rule: r}}
	}
	segment := func(name, cidr string) *events.NetworkObject {
		return &events.NetworkObject{Path: shop + "/segments/" + name, Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: cidr}}}
	}
	return []*events.NetworkObject{
		{Path: shop, Spec: &events.NetworkObject_Network{Network: &events.Network{}}},
		segment("web", "10.1.0.0/24"), segment("v6", "2001:db8::/64"),
		group("web", &events.NetworkGroup{Segments: []string{shop + "/segments/web", shop + "/segments/v6"}, Addresses: []string{"10.9.0.1"}}),
		group("all", &events.NetworkGroup{Groups: []string{shop + "/groups/web"}, Addresses: []string{"192.0.2.0/25"}}),
		rule("deny", &events.NetworkRule{Action: "deny", Priority: 100, To: []string{shop + "/groups/web"}}),
		rule("https", &events.NetworkRule{Action: "allow", Priority: 10, Protocol: "tcp", Ports: []string{"443", "8000-8100"}, From: []string{shop + "/groups/all"}, To: []string{shop + "/groups/web"}}),
		rule("ping", &events.NetworkRule{Action: "allow", Priority: 20, Protocol: "icmp"}),
	}
}

// do has an object realised, or removed.
func do(t *testing.T, r *rules, path string, o *events.NetworkObject) error {
	t.Helper()
	payload, err := proto.Marshal(&events.NetworkRealising{Path: path, Object: o})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.handle(t.Context(), &engine.Task{ID: "network/ams/1", Payload: payload})
	return err
}

func TestRulesAreRendered(t *testing.T) {
	r := &rules{dir: filepath.Join(t.TempDir(), "nft"), check: func(context.Context, string) error { return nil }}
	for _, o := range realised() {
		for range 2 { // A task may be run again.
			if err := do(t, r, o.Path, o); err != nil {
				t.Fatal(err)
			}
		}
	}
	want, err := os.ReadFile("testdata/rules.nft")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(r.dir, "rules.nft")
	if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
		t.Errorf("the rules are, %v:\n%s\nand not those of testdata/rules.nft", err, got)
	}
	for _, o := range realised() {
		if err := do(t, r, o.Path, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || strings.Contains(string(got), "shop") {
		t.Errorf("all is removed, and the rules are, %v:\n%s", err, got)
	}
}

// What nft refuses stays away: the rules are those of before.
func TestWhatNftRefusesStaysAway(t *testing.T) {
	refused := errors.New("nft --check: no such port")
	r := &rules{dir: t.TempDir(), check: func(context.Context, string) error { return nil }}
	all := realised()
	if err := do(t, r, all[1].Path, all[1]); err != nil {
		t.Fatal(err)
	}
	r.check = func(context.Context, string) error { return refused }
	if err := do(t, r, all[3].Path, all[3]); !errors.Is(err, refused) {
		t.Errorf("the task ends with %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(r.dir, "*.json")); len(files) != 1 {
		t.Errorf("it keeps %v", files)
	}
}

// The real nft takes what is rendered. It looks at the tables of the kernel, in a network
// namespace of its own.
func TestNftTakesTheRules(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("nft is not installed: apt-get install nftables")
		}
		t.Log("NOTHING WAS TRIED ON A REAL nft: install nftables")
		return
	}
	r := &rules{dir: t.TempDir(), check: func(ctx context.Context, file string) error {
		out, err := exec.CommandContext(ctx, "unshare", "--map-root-user", "--net", "nft", "--check", "--file", file).CombinedOutput()
		if err != nil {
			return errors.New(string(out))
		}
		return nil
	}}
	for _, o := range realised() {
		if err := do(t, r, o.Path, o); err != nil {
			t.Fatal(err)
		}
	}
	bad := &events.NetworkObject{Path: shop + "/rules/bad", Spec: &events.NetworkObject_Rule{Rule: &events.NetworkRule{Action: "allow", Protocol: "tcp", Ports: []string{"99999"}}}}
	if err := do(t, r, bad.Path, bad); err == nil {
		t.Error("it takes a port that cannot be")
	}
}
