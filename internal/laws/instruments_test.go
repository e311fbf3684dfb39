package laws

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every instrument is declared in the catalogue, which docs/metrics.md is written from: no
// other production code makes one by itself. Package messaging makes those of the
// conventions, which the catalogue declares by the same generated types.
func TestInstrumentsAreMadeByTheCatalogue(t *testing.T) {
	making := regexp.MustCompile(`^(Int64|Float64)(Observable)?(UpDownCounter|Counter|Gauge|Histogram)$|^RegisterCallback$`)
	made := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		home := strings.Contains(filepath.ToSlash(path), "internal/telemetry/instruments/")
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			of, ok := call.Fun.(*ast.SelectorExpr)
			switch {
			case !ok || !making.MatchString(of.Sel.Name):
			case home:
				made++
			default:
				t.Errorf("%s: %s: declare it in internal/telemetry/instruments, and make it with a Maker", files.Position(call.Pos()), of.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil || made == 0 {
		t.Errorf("the catalogue makes %d kinds of instruments: %v", made, err)
	}
}
