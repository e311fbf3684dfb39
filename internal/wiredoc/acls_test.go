package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/pkg/events"
)

// What deploy/acls/acls.sh prints is what the catalogue says: each role, with every kind of
// name.
func TestTheScriptPrintsTheCatalogue(t *testing.T) {
	t.Parallel()
	of := events.Topics{Prefix: "x."}
	chosen := events.Chosen{
		Queues: []events.Pattern{{Name: "one"}, {Name: "two", Prefixed: true}, {Prefixed: true}},
		Copies: []events.Pattern{{Name: "one"}, {Name: "two", Prefixed: true}, {Name: "*"}},
	}
	options := []string{"--prefix", "x.", "--queue", "one", "--queue", "two*", "--queue", "*", "--copy", "one", "--copy", "two*", "--copy", "*"}
	for _, role := range events.Roles() {
		var want []string
		for _, a := range of.ACLs(role, chosen) {
			want = append(want, fmt.Sprintf("%s %s %q %v", a.Operation, a.Resource, a.Name, a.Prefixed))
		}
		got := printed(t, append(options, string(role)+"=CN=a b,O=it's")...)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", role, diff)
		}
	}
}

// printed are the ACLs of the commands that the script prints, which a shell reads back.
func printed(t *testing.T, args ...string) (acls []string) {
	t.Helper()
	script := exec.Command("sh", append([]string{root + "/deploy/acls/acls.sh", "--print", "--bootstrap-server", "none:1"}, args...)...)
	script.Env = append(script.Environ(), "KAFKA_ACLS=tool")
	out, err := script.Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	out, err = exec.Command("sh", "-c", "tool() { printf '%s\\t' \"$@\"; echo; }\n"+string(out)).Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	for line := range strings.Lines(string(out)) {
		var operations, on []string
		words, prefixed := strings.Split(line, "\t"), strings.Contains(line, "\tprefixed\t")
		for i, word := range words {
			switch word {
			case "--allow-principal":
				if words[i+1] != "User:CN=a b,O=it's" {
					t.Errorf("the principal is %q", words[i+1])
				}
			case "--operation":
				operations = append(operations, words[i+1])
			case "--topic", "--group", "--transactional-id":
				on = append(on, fmt.Sprintf("%s %q", word[2:], words[i+1]))
			case "--cluster":
				on = append(on, `cluster ""`)
			}
		}
		for _, o := range on {
			for _, op := range operations {
				acls = append(acls, fmt.Sprintf("%s %s %v", op, o, prefixed))
			}
		}
	}
	return acls
}

func TestTheScriptRefuses(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--bootstrap-server is missing": {"engine=e"},
		"no ROLE=PRINCIPAL":             {"--bootstrap-server", "none:1"},
		"there is no role boss":         {"--bootstrap-server", "none:1", "boss=b"},
		"there is no role chief":        {"--print", "--bootstrap-server", "none:1", "engine=e", "chief=c"},
		"--queue '' is no name":         {"--queue", ""},
		"--copy '' is no name":          {"--copy", ""},
		"--copy 'a b' is no name":       {"--copy", "a b"},
		"there is no option --all":      {"--all"},
		"is not ROLE=PRINCIPAL":         {"engine"},
		"needs a value":                 {"engine=e", "--prefix"},
		"queue-host needs --queue":      {"--bootstrap-server", "none:1", "queue-host=q"},
		"replicator needs --copy":       {"--bootstrap-server", "none:1", "replicator=r"},
	} {
		out, err := exec.Command("sh", append([]string{root + "/deploy/acls/acls.sh"}, args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v, %s; want %q", args, err, out, want)
		}
		if strings.Contains(string(out), "--allow-principal") {
			t.Errorf("%v gives rights before it refuses: %s", args, out)
		}
	}
}

func TestTheScriptTellsOfItself(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--help", "-h"} {
		out, err := exec.Command("sh", root+"/deploy/acls/acls.sh", flag).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range append([]string{"Gives the programs", "allow.everyone.if.no.acl.found=true", "--copy TOPIC", "KAFKA_ACLS"}, roleNames()...) {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s does not tell of %s:\n%s", flag, want, out)
			}
		}
		if strings.Contains(string(out), "set -euf") {
			t.Errorf("%s prints the script:\n%s", flag, out)
		}
	}
}

func roleNames() (names []string) {
	for _, role := range events.Roles() {
		names = append(names, string(role))
	}
	return names
}

// What stands before the first colon of a principal is its type only if it is letters.
func TestTheScriptKnowsTheTypeOfAPrincipal(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"shop": "User:shop", "User:shop": "User:shop", "Robot:shop": "Robot:shop",
		"CN=a:b,O=c": "User:CN=a:b,O=c", "User:CN=a:b": "User:CN=a:b",
	} {
		out, err := exec.Command("sh", root+"/deploy/acls/acls.sh", "--print", "--bootstrap-server", "none:1", "producer="+given).Output()
		if err != nil || !strings.Contains(string(out), "--allow-principal "+want+" ") {
			t.Errorf("%s: %v, %s; want %s", given, err, out, want)
		}
	}
}
