package e2e_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// What the binary of an older commit has kept at two sites (e2e/upgrade/record.sh) is gone on
// with: what has ended is known, what waits is done, what was put in and granted is there, and
// a link goes on. With -o json each command says all that it said then, in fields of the same
// names and types (docs/compatibility.md). It needs no history of the repository, as TestUpgrade does.
func TestDataOfOlderReleases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/data/*.tar.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d records of data of older releases: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".tar.gz"), func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			if out, err := exec.Command("tar", "-xzf", file, "-C", data).CombinedOutput(); err != nil {
				t.Fatalf("unpack: %v %s", err, out)
			}
			recordedGoesOn(t, filepath.Join(data, "data"), filepath.Join(data, "said"))
		})
	}
}

// recordedGoesOn has sites go on with what record.sh has made, and said of it.
func recordedGoesOn(t *testing.T, data, said string) {
	t.Helper()
	_, addr := startSites(t, data)
	saysTheSame(t, filepath.Join(data, "config.yaml"), said)
	ams := func(code int, args ...string) string {
		t.Helper()
		return command(t, code, append(args, "--brokers", addr["ams"])...)
	}
	says := func(what, want, out string) {
		t.Helper()
		if !strings.Contains(out, want) {
			t.Errorf("%s does not say %q:\n%s", what, want, out)
		}
	}
	ams(0, "verify")
	for id, state := range map[string]string{"noop7": "succeeded", "fails": "dead", "waits": "pending"} {
		says("task "+id, `"state":"`+state+`"`, ams(0, "task", "show", id, "-o", "json"))
	}
	says("the pool", `"acme":3`, ams(0, "pool", "show", "default", "-o", "json"))
	gpu := spanway(t, "serve", "engine", "--id", "gpu", "--label", "gpu=1", "--brokers", addr["ams"])
	eventually(t, patience, "what waited is done", func(context.Context) bool {
		return strings.Contains(ams(0, "task", "show", "waits", "-o", "json"), `"state":"succeeded"`)
	})
	term(gpu)

	if held := ams(0, "queue", "list", "work", "-o", "json"); strings.Count(held, `"id"`) != 18 || strings.Contains(held, `"job3"`) {
		t.Errorf("20 entries were put in and 2 taken out, the queue has:\n%s", held)
	}
	ams(0, "queue", "remove", "work", "job20")
	ams(1, "queue", "remove", "work", "job1")

	says("the same request", `"from":1,"to":10,`, ams(0, "id", "grant", "spi", "--count", "10", "--owner", "recorder", "--request-id", "grant1", "-o", "json"))
	says("the range that was given back", `"from":11,"to":20,`, ams(0, "id", "grant", "spi", "--count", "10", "--owner", "after", "-o", "json"))
	says("the next range", `"from":31,"to":40,`, ams(0, "id", "grant", "spi", "--count", "10", "--owner", "after", "-o", "json"))

	eventually(t, patience, "the link has copied what is new", func(ctx context.Context) bool {
		out, err := commandLine(ctx, binary, "link", "audit", "jobs", "--whole", "--config", filepath.Join(data, "config.yaml"), "--site", "fra").CombinedOutput()
		return err == nil && strings.Contains(string(out), " equal ")
	})
	for site, at := range addr {
		if out := command(t, 0, "verify", "--brokers", at); !strings.Contains(out, "hold") {
			t.Errorf("verify at %s says:\n%s", site, out)
		}
	}
	says("verify", events.Topics{Prefix: events.DefaultPrefix}.IDEvents(), ams(0, "verify"))
}

// saysTheSame runs commands whose output was recorded, and demands that no field of it is gone.
func saysTheSame(t *testing.T, config, said string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(said, "*"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d outputs are recorded: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line, before, _ := strings.Cut(string(text), "\n")
		args := append([]string{"--config", config, "-o", "json", "--site"}, strings.Fields(line)...)
		was := fieldsOf(before)
		delete(was, ".lasts_ms") // Said only when a space was taken from for ten minutes.
		if len(was) == 0 {
			t.Errorf("of %q nothing is recorded", line)
		}
		var missing []string
		deadline := time.Now().Add(patience) // Engines register, and links are reported, a little later.
		for {
			out, _ := commandLine(t.Context(), binary, args...).Output()
			if missing = was.without(fieldsOf(string(out))); len(missing) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%q no longer says %q; it says %s", line, missing, out)
				break
			}
		}
	}
}

// fields are the names of fields of JSON objects, with where they stand, and their types.
type fields map[string]string

func fieldsOf(text string) fields {
	all := fields{}
	for d := json.NewDecoder(strings.NewReader(text)); ; {
		var v any
		if err := d.Decode(&v); err != nil {
			return all
		}
		all.add("", v)
	}
}

func (f fields) add(at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			f[at+"."+name] = cmp.Or(f[at+"."+name], fmt.Sprintf("%T", value))
			f.add(at+"."+name, value)
		}
	case []any:
		for _, value := range v {
			f.add(at+"[]", value)
		}
	}
}

// without are the fields that others lack, or have of another type; null is of any.
func (f fields) without(others fields) (missing []string) {
	for name, typ := range f {
		other, ok := others[name]
		if !ok || (typ != other && typ != "<nil>" && other != "<nil>") {
			missing = append(missing, name+" "+typ)
		}
	}
	slices.Sort(missing)
	return missing
}
