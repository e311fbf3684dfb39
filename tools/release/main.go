// Command release makes what a release of Spanway consists of: for each platform an
// archive of the binary with LICENSE and README, for each binary an SBOM in CycloneDX,
// and the SHA-256 of all of them. One commit, one version of Go: the same bytes, wherever
// and whenever it is built.
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	root := flag.String("root", ".", "the checkout")
	out := flag.String("out", "build/dist", "where to; it is emptied")
	version := flag.String("version", "devel", "what the binary says that it is")
	at := flag.Int64("time", 0, "time of the files in the archives, in seconds since 1970")
	platforms := flag.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64", "which")
	flag.Parse()
	if err := release(*root, *out, *version, time.Unix(*at, 0).UTC(), strings.Split(*platforms, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func release(root, out, version string, at time.Time, platforms []string) error {
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var files []file
	for _, name := range []string{"LICENSE", "README.md"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		files = append(files, file{name: name, content: content})
	}
	made := map[string][]byte{}
	for _, platform := range platforms {
		system, arch, ok := strings.Cut(platform, "/")
		if !ok {
			return fmt.Errorf("%q is no platform: give system/architecture", platform)
		}
		binary, err := build(root, version, system, arch)
		if err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		name := fmt.Sprintf("spanway_%s_%s_%s", version, system, arch)
		program := file{"spanway", binary, true}
		pack, ending := packTar, ".tar.gz"
		if system == "windows" {
			program.name, pack, ending = "spanway.exe", packZip, ".zip"
		}
		if made[name+ending], err = pack(name, append([]file{program}, files...), at); err != nil {
			return err
		}
		if made[name+".cdx.json"], err = bom(binary, version, at); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		fmt.Println(name + ending)
	}
	made["SHA256SUMS"] = sums(made)
	for name, content := range made {
		if err := os.WriteFile(filepath.Join(out, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// build builds the binary with nothing of the machine in it: no paths, no state of the
// checkout, no C library, no instructions that only some processors have.
func build(root, version, system, arch string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "spanway-release-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	to := filepath.Join(dir, "spanway")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+version, "-o", to, "./cmd/spanway")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return os.ReadFile(to)
}

// sums is what sha256sum --check reads.
func sums(made map[string][]byte) []byte {
	var lines []string
	for name, content := range made {
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(content), name))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	var all bytes.Buffer
	for _, line := range lines {
		all.WriteString(line)
	}
	return all.Bytes()
}
