package link

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/document"
	"github.com/spanway/spanway/internal/embedded"
)

func TestImportMM2(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, to string
		want     string // the links in JSON, or what the error says
		notes    []string
	}{
		"one flow, with defaults": {
			"clusters = ams, fra\nams->fra.enabled = true\nams.bootstrap.servers = a:9092\nfra.bootstrap.servers = b:9092\n", "",
			`[{"name":"ams-fra","source":"ams","model":"topic","include":[".*"],"exclude":[".*[\\-\\.]internal",".*\\.replica","__.*","(.*\\.)?fra\\..*"],"prefix":"ams."}]`,
			[]string{"ams.*: how cluster ams is reached", "fra.*: how cluster fra is reached"},
		},
		"names as they are, and both ways": {
			"clusters=ams,fra\nams->fra.enabled=true\nfra->ams.enabled=true\ntopics=orders,pay.*\ntopics.exclude=x\n" +
				"replication.policy.class=org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n", "fra",
			`[{"name":"ams-fra","source":"ams","model":"topic","include":["orders","pay.*"],"exclude":["x",".*[\\-\\.]internal","__.*"],"shared":true}]`,
			[]string{"ams-fra: the flow goes both ways", "fra->ams.*: the flow leads elsewhere"},
		},
		"a flow of its own": {
			"clusters=ams,fra,lis\nams->fra.enabled=true\nlis->fra.enabled = true\nlis->fra.topics=\\\n  a, \\\n  b\nlis->fra.topics.exclude=\n" +
				"replication.policy.separator=_\nsync.group.offsets.enabled=true\nams->lis.topics=nothing\nmy.own=1\n", "",
			`[{"name":"ams-fra","source":"ams","model":"topic","include":[".*"],"exclude":[".*[\\-\\.]internal",".*\\.replica","__.*","(.*_)?fra_.*"],"prefix":"ams_"},` +
				`{"name":"lis-fra","source":"lis","model":"topic","include":["a","b"],"exclude":[".*[\\-\\.]internal","__.*","(.*_)?fra_.*"],"prefix":"lis_"}]`,
			[]string{"ams->lis.*: the flow is not enabled", "my.own: has no counterpart", "sync.group.offsets.enabled: a link carries no offsets"},
		},
		"a pattern and a policy of their own": {
			"clusters=ams,fra\nams->fra.enabled=true\ntopics=(?!x).*\ntopics.exclude=y\nreplication.policy.class=com.example.Mine\n", "",
			`[{"name":"ams-fra","source":"ams","model":"topic","include":["(?!x).*"],"exclude":["y",".*[\\-\\.]internal","__.*"]}]`,
			[]string{"ams-fra: include has the pattern", `ams-fra: the policy "Mine" names topics`},
		},
		"several targets":    {"clusters=ams,fra\nams->fra.enabled=true\nfra->ams.enabled=true\n", "", "say by --to whose links are to be made", nil},
		"another target":     {"clusters=ams,fra\nams->fra.enabled=true\n", "lis", `it has no flow to "lis"`, nil},
		"nothing is enabled": {"clusters=ams,fra\nams->fra.enabled=false\n", "", "no flow is enabled; one is by ams->fra.enabled = true", nil},
		"no topics":          {"clusters=ams,fra\nams->fra.enabled=true\ntopics=\n", "", "each has an empty list of topics", nil},
		"no clusters":        {"bootstrap.servers=a:9092\n", "", "clusters names 0 clusters", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, err := importMM2([]byte(c.text), c.to)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("the error is %v; want %q", err, c.want)
				}
				return
			}
			got, err := json.Marshal(made.links)
			if err != nil || string(got) != c.want {
				t.Errorf("the links are\n%s (%v); want\n%s", got, err, c.want)
			}
			if !slices.EqualFunc(made.notes, c.notes, strings.HasPrefix) {
				t.Errorf("the notes are %q; want %q", made.notes, c.notes)
			}
		})
	}
}

// Files as they are in use: what is printed is in a file beside each. No secret is told, and what
// is printed goes through link apply, unless the notes say what to change. With -rewrite the files
// are written anew, as those of sessions are.
func TestImportFilesOfMM2(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, b.Addrs()...)
	t.Cleanup(b.Close)
	files, err := filepath.Glob(filepath.Join("testdata", "mm2", "*.properties"))
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			call := []string{"link", "import", file}
			for name, to := range map[string]string{"active-active": "B", "fan-in": "hub"} {
				if strings.Contains(file, name) {
					call = append(call, "--to", to)
				}
			}
			stdout, stderr, code := program.Call(t.Context(), "", call...)
			if code != cli.ExitDone {
				t.Fatalf("it ends with %d: %s", code, stderr)
			}
			got, kept := stderr+"---\n"+stdout, strings.TrimSuffix(file, ".properties")+".txt"
			if flag.Lookup("rewrite").Value.String() == "true" {
				if err := os.WriteFile(kept, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(kept)
			if err != nil || got != string(want) {
				t.Errorf("it prints\n%s\nwant (%v)\n%s", got, err, want)
			}
			if strings.Contains(stdout+stderr, "hunter") {
				t.Errorf("it tells a secret:\n%s", stderr)
			}
			made := filepath.Join(t.TempDir(), "links.yaml")
			if err := os.WriteFile(made, []byte(stdout), 0o600); err != nil {
				t.Fatal(err)
			}
			wantCode := cli.ExitDone
			if strings.Contains(stderr, "write it in another way") {
				wantCode = cli.ExitUsage
			}
			stdout, stderr, code = program.Call(t.Context(), "", "link", "apply", "-f", made, "--dry-run", "--brokers", b.Addr())
			if code != wantCode || code == cli.ExitDone && !strings.Contains(stdout, "would be") {
				t.Errorf("link apply --dry-run ends with %d, want %d: %s%s", code, wantCode, stdout, stderr)
			}
		})
	}
}

// What import prints, apply reads.
func TestApplyReadsWhatImportPrints(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mm2.properties")
	if err := os.WriteFile(file, []byte("clusters=ams,fra\nams->fra.enabled=true\ntopics=orders\nmy.own=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := program.Call(t.Context(), "", "link", "import", file)
	if code != cli.ExitDone || !strings.Contains(stderr, "my.own: has no counterpart") {
		t.Fatalf("it ends with %d and says %s", code, stderr)
	}
	var d declarations
	if err := document.Decode([]byte(stdout), &d); err != nil || len(d.Links) != 1 || d.Links[0].Check() != nil || d.Links[0].Prefix != "ams." {
		t.Errorf("%s is read as %+v, %v", stdout, d, err)
	}
}
