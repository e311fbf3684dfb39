package keyfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPassword(t *testing.T) {
	for content, want := range map[string]string{"secret": "secret", "secret\n": "secret", " two words \r\n": " two words ", "\n": "", "": ""} {
		file := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Password(file)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("of %q: %q, %v", content, got, err)
		}
	}
}

// What has no end is refused, and does not fill the memory.
func TestBound(t *testing.T) {
	if _, err := Password("/dev/zero"); err == nil || !strings.Contains(err.Error(), "more than 16777216 bytes") {
		t.Errorf("a file without an end: %v", err)
	}
	if _, err := Password(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
}
