// Package docs has tests that keep the documents true to the tree.
package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = ".."

// foreign are the names of folders with files that are not ours, or are not documents.
var foreign = []string{"build", "bin", "testdata", "node_modules", "target"}

// tree lists the files of the repository whose name ends in suffix.
func tree(t *testing.T, suffix string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(name, ".") || slices.Contains(foreign, name)):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, suffix):
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("list *%s: %d files, %v", suffix, len(files), err)
	}
	return files
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#: ]+)(#[^)]*)?\)`)
	for _, path := range tree(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(read(t, path), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
}

// A guarantee whose test was renamed or removed is not guaranteed any more.
func TestGuaranteesNameTestsThatExist(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, path := range tree(t, "_test.go") {
		for _, m := range declared.FindAllStringSubmatch(read(t, path), -1) {
			exists[filepath.ToSlash(filepath.Dir(path))+"."+m[1]] = true
		}
	}
	for path, least := range map[string]int{"guarantees.md": 20, "watermill.md": 10, "security.md": 40, "compatibility.md": 15, "operations.md": 15} {
		named := regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(read(t, path), -1)
		if len(named) < least {
			t.Errorf("%s names %d tests; at least %d were expected, as `directory.TestName`", path, len(named), least)
		}
		for _, m := range named {
			if !exists[root+"/"+m[1]+"."+m[2]] {
				t.Errorf("%s names %s.%s, which is not there", path, m[1], m[2])
			}
		}
	}
}

func TestEveryDecisionIsListed(t *testing.T) {
	t.Parallel()
	index := read(t, "adr/README.md")
	numbered := map[string]string{}
	for _, path := range tree(t, ".md") {
		name := filepath.Base(path)
		if filepath.Base(filepath.Dir(path)) != "adr" || name == "README.md" {
			continue
		}
		if !strings.Contains(index, "("+name+")") {
			t.Errorf("adr/README.md does not list %s", name)
		}
		number, _, _ := strings.Cut(name, "-")
		if other := numbered[number]; other != "" {
			t.Errorf("%s and %s have one number", other, name)
		}
		numbered[number] = name
	}
}

// Every package says what it owns, and a Config has at most 12 fields.
func TestPackages(t *testing.T) {
	t.Parallel()
	described := map[string]bool{}
	for _, path := range tree(t, ".go") {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".pb.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		described[filepath.Dir(path)] = described[filepath.Dir(path)] || file.Doc != nil
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != "Config" {
				return true
			}
			fields := 0
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					fields += max(1, len(f.Names))
				}
			}
			if fields > 12 {
				t.Errorf("%s: Config has %d fields; at most 12", path, fields)
			}
			return true
		})
	}
	for dir, ok := range described {
		if !ok {
			t.Errorf("no file of %s says what the package owns; write doc.go", dir)
		}
	}
}

// What consumers.md shows is the program that the end-to-end tests run.
func TestTheConsumerIsTheOneThatIsTested(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(read(t, "consumers.md"), "```python\n")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok || !strings.HasSuffix(read(t, "../examples/producers/python/follow.py"), shown) {
		t.Errorf("follow.py does not end with what consumers.md shows:\n%s", shown)
	}
}

// What a link or a copy may be stopped by is named where operators look for it.
func TestProblemsOfLinksAreListed(t *testing.T) {
	page := read(t, "replication.md")
	for _, file := range []string{"selection/problem.go", "changes.go", "mirror/config.go", "state.go"} {
		found := regexp.MustCompile(`(?:Code|Reason) += "([a-z_]+)"`).FindAllStringSubmatch(read(t, "../services/replicator/"+file), -1)
		if len(found) == 0 {
			t.Errorf("%s has no names any more", file)
		}
		for _, name := range found {
			if !strings.Contains(page, "`"+name[1]+"`") {
				t.Errorf("replication.md does not list %s of %s", name[1], file)
			}
		}
	}
}
