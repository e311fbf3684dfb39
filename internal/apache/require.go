package apache

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Versions for which a pom.xml is in the tree.
const (
	Latest = "4.3.0"
	Older  = "3.9.2"
)

// Require skips the test, loudly, if real Kafka cannot be run here; with
// CI=true it fails the test instead. Start calls it.
func Require(tb testing.TB) {
	tb.Helper()
	if top, _, _ := strings.Cut(tb.Name(), "/"); !strings.Contains(top, "Apache") {
		tb.Fatalf("%s starts a real Kafka: put Apache into its name, or `make test-kafka` will not run it", tb.Name())
	}
	for _, version := range []string{Latest, Older} {
		if _, err := jars(version); err != nil {
			missing(tb, err)
		}
	}
}

func missing(tb testing.TB, err error) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf("tests on real Kafka must run where CI=true: %v", err)
	}
	fmt.Fprintf(os.Stderr, "\n*** SKIPPED %s: NOT TESTED ON REAL KAFKA: %v\n\n", tb.Name(), err)
	tb.Skipf("NOT TESTED ON REAL KAFKA: %v", err)
}

// jars returns the class path of a version.
func jars(version string) (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("look for Java 17 or later: %w; install a JDK and Maven, then run `make kafka-jars`", err)
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "build", "kafka", version)
	// Written by the make target when mvn has copied all.
	if _, err := os.Stat(filepath.Join(dir, ".complete")); err != nil {
		return "", fmt.Errorf("look for the jars of Kafka %s: %w; run `make kafka-jars`", version, err)
	}
	return filepath.Join(dir, "*"), nil
}

// moduleRoot is the nearest directory upwards with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's root: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find the module's root: no go.mod in %s or above", dir)
		}
	}
}
