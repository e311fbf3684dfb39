package laws

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var codeText = regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)

// Programs compare with codes: of refusals, of failures, of why a task waits. A code that was
// told once stays (docs/compatibility.md). testdata/codes.golden has all that there have been:
// a new one is added, and none is taken away.
func TestCodesStay(t *testing.T) {
	text, err := os.ReadFile("testdata/codes.golden")
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(string(text))
	if !slices.IsSorted(listed) || len(slices.Compact(slices.Clone(listed))) != len(listed) {
		t.Error("testdata/codes.golden is not sorted, or has a code twice")
	}
	there := codes(t)
	for _, code := range listed {
		if !slices.Contains(there, code) {
			t.Errorf("the code %s is gone, and programs compare with it", code)
		}
	}
	for _, code := range there {
		if !slices.Contains(listed, code) {
			t.Errorf("%s is new: add it to internal/laws/testdata/codes.golden; from then on it stays", code)
		}
	}
}

// codes are the texts of all constants that are called a code, and of why tasks wait.
func codes(t *testing.T) []string {
	t.Helper()
	var all []string
	for path, file := range parse(t) {
		if !under(path, "pkg", "services", "internal/query") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, value := range spec.Values {
				literal, ok := value.(*ast.BasicLit)
				if !ok || !isCode(spec.Names[i].Name, spec.Type) {
					continue
				}
				if code, err := strconv.Unquote(literal.Value); err == nil && codeText.MatchString(code) {
					all = append(all, code)
				}
			}
			return true
		})
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// isCode says whether a constant is one by its name or its type.
func isCode(name string, kind ast.Expr) bool {
	of := nameOf(kind)
	if own, ok := kind.(*ast.Ident); ok {
		of = own.Name
	}
	if of == "Code" || of == "Reason" || of == "events.Code" {
		return true
	}
	for _, prefix := range []string{"Code", "code", "Find", "WakesOn"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
