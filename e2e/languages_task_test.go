package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each example takes the ID of its task from SPANWAY_TASK_ID, and makes one if that is empty.
// It is on the embedded broker and named for Apache because `make test-kafka` is where the
// clients are installed.
func TestApacheProducersTakeIDs(t *testing.T) {
	_, addr, _ := startDev(t, filepath.Join(t.TempDir(), "data"))
	for _, l := range languages() {
		t.Run(l.name, func(t *testing.T) {
			l.require(t)
			submit := func(id string) {
				t.Helper()
				cmd := l.submit("true")
				cmd.Env = append(os.Environ(), "SPANWAY_BROKERS="+addr, "SPANWAY_TASK_ID="+id,
					"PATH="+filepath.Dir(binary)+string(filepath.ListSeparator)+os.Getenv("PATH"))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("SPANWAY_TASK_ID=%s: %v\n%s", id, err, out)
				}
			}
			ask := func(args ...string) string {
				t.Helper()
				out, err := commandLine(t.Context(), binary, append(args, "--brokers", addr, "-o", "json")...).CombinedOutput()
				if err != nil {
					t.Fatalf("%q: %v\n%s", args, err, out)
				}
				return string(out)
			}
			submit("hello-" + l.name)
			if shown := ask("task", "show", "hello-"+l.name); !strings.Contains(shown, `"state":"succeeded"`) {
				t.Errorf("the task is %s", shown)
			}
			before := strings.Count(ask("task", "list", "--state", "all"), `"state":"succeeded"`)
			submit("")
			if after := strings.Count(ask("task", "list", "--state", "all"), `"state":"succeeded"`); after != before+1 {
				t.Errorf("without an ID %d tasks more", after-before)
			}
		})
	}
}
