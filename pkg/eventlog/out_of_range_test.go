package eventlog_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/eventlog"
)

func TestOutOfRange(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("read: %w", &eventlog.OutOfRangeError{From: 9, Start: 2, End: 5})
	if start, end, ok := eventlog.OutOfRange(err); start != 2 || end != 5 || !ok {
		t.Errorf("%v is [%d, %d), %v", err, start, end, ok)
	}
	for _, err := range []error{nil, errors.New("other")} {
		if start, end, ok := eventlog.OutOfRange(err); start != 0 || end != 0 || ok {
			t.Errorf("%v is [%d, %d), %v", err, start, end, ok)
		}
	}
}

// TestOutOfRangeIsRecognisedInOnePlace: everything else asks OutOfRange.
func TestOutOfRangeIsRecognisedInOnePlace(t *testing.T) {
	t.Parallel()
	root, recognised := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "out_of_range_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if n := strings.Count(string(text), "interface{ OutOfRange() "); n > 0 {
			recognised += n
			if path != filepath.Join(root, "pkg", "eventlog", "log.go") {
				t.Errorf("%s asserts OutOfRange itself", path)
			}
		}
		return err
	})
	if err != nil || recognised == 0 {
		t.Errorf("%d places, %v", recognised, err)
	}
}
