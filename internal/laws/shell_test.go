package laws

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// early is the right side of a pipe that ends before its input does: the program to
// its left is then killed by SIGPIPE, or fails on it, now and then.
var early = regexp.MustCompile(`\|\s*(head\b|grep\s+(-\w*[qm]\w*|--quiet|--max-count)\b|sed\s[^|]*[\d'"]q\b)`)

// Under pipefail such a pipe fails the script by chance: "mvn --version | head -1"
// did so in two of five runs. sed -n 1p reads to the end.
func TestNoScriptFailsByChance(t *testing.T) {
	for line, want := range map[string]bool{
		"mvn --version | head -1": true, "a | grep -q b": true, "a | sed 1q": true,
		"a | sed -n 1p": false, "a | grep -c b": false, "head -1 file": false,
	} {
		if early.MatchString(line) != want {
			t.Errorf("%q is taken for the wrong kind", line)
		}
	}
	scripts := 0
	for _, path := range files(t) {
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), "pipefail") {
			continue
		}
		scripts++
		for i, line := range strings.Split(string(data), "\n") {
			if early.MatchString(line) {
				t.Errorf("%s:%d: a pipe that ends before its input fails by chance under pipefail: %s", path, i+1, line)
			}
		}
	}
	if scripts == 0 {
		t.Error("no script has pipefail: this test proves nothing")
	}
}

// files lists the files of the repository that could be scripts.
func files(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (slices.Contains([]string{".git", "node_modules", "bin", ".venv"}, d.Name()) || path == "../../build") { // What was made or fetched.
			return filepath.SkipDir
		}
		if err == nil && d.Type().IsRegular() && filepath.Ext(path) != ".go" && filepath.Ext(path) != ".md" {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
