package laws

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// A type that locks what it writes to embeds no buffer: io.WriteString and others look for
// methods beyond Write, and those of the buffer do not wait for the lock.
func TestNoLockedBufferIsEmbedded(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.StructType); ok && locked(s) {
				seen++
				if of := embeddedBuffer(s); of != "" {
					t.Errorf("%s: it has a lock and embeds %s, whose methods do not take it: make that a named field", files.Position(s.Pos()), of)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || seen < 20 {
		t.Errorf("read %d types with a lock: %v", seen, err)
	}
}

func locked(s *ast.StructType) bool {
	for _, f := range s.Fields.List {
		if of := nameOf(f.Type); of == "sync.Mutex" || of == "sync.RWMutex" {
			return true
		}
	}
	return false
}

// embeddedBuffer is the buffer that a type embeds; empty if none.
func embeddedBuffer(s *ast.StructType) string {
	for _, f := range s.Fields.List {
		switch of := nameOf(f.Type); of {
		case "bytes.Buffer", "strings.Builder", "bufio.Writer", "bufio.Reader", "bufio.ReadWriter":
			if len(f.Names) == 0 {
				return of
			}
		}
	}
	return ""
}

// nameOf is the name of a type of another package, or of what it points to.
func nameOf(of ast.Expr) string {
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	s, ok := of.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	from, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return from.Name + "." + s.Sel.Name
}
