package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// argumentsAtOnce bounds one call of sha256sum, far below any system's limit.
const argumentsAtOnce = 500

// sha256sum runs the program of that name on the files and returns its digests
// in the same order: a second opinion that shares no code with the engines.
func sha256sum(ctx context.Context, root string, files []file) ([]string, error) {
	digests := make([]string, 0, len(files))
	for len(files) > 0 {
		n := min(len(files), argumentsAtOnce)
		some, err := sha256sumOnce(ctx, root, files[:n])
		if err != nil {
			return nil, err
		}
		digests = append(digests, some...)
		files = files[n:]
	}
	return digests, nil
}

func sha256sumOnce(ctx context.Context, root string, files []file) ([]string, error) {
	args := make([]string, 0, len(files)+1)
	args = append(args, "--")
	for _, f := range files {
		args = append(args, f.path)
	}
	cmd := exec.CommandContext(ctx, "sha256sum", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run sha256sum on %d files under %s (it comes with coreutils): %w %s",
			len(files), root, err, bytes.TrimSpace(stderr.Bytes()))
	}
	var digests []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		// A backslash in front says that the name, which we do not read, is escaped.
		digest, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), `\`), " ")
		digests = append(digests, digest)
	}
	if len(digests) != len(files) {
		return nil, fmt.Errorf("run sha256sum under %s: %d digests for %d files", root, len(digests), len(files))
	}
	return digests, nil
}
