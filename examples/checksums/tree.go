package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// large is the size from which a file should be read from a fast disk.
const large = 64 << 10

// file is one regular file of the tree: one task.
type file struct {
	// path is relative to the tree's root, with slashes.
	path string
	size int64
}

// rule says where a kind of file may be read: a predicate over the labels of
// engines, and what the task takes of an engine's capacity.
type rule struct {
	what      string
	predicate string
	slots     int64
	matches   func(file) bool
}

// rules are tried in this order; the last one takes every file.
var rules = []rule{
	{
		what: "assembly (*.s)", predicate: `engine.labels.gpu >= 1`, slots: 1,
		matches: func(f file) bool { return strings.HasSuffix(f.path, ".s") },
	},
	{
		what: "64 KiB and more", predicate: `engine.labels.disk == "ssd"`, slots: 2,
		matches: func(f file) bool { return f.size >= large },
	},
	{
		what: "under testdata/", predicate: `engine.labels.disk == "hdd"`, slots: 1,
		matches: func(f file) bool { return strings.Contains("/"+f.path, "/testdata/") },
	},
	{
		what: "everything else", predicate: "", slots: 1,
		matches: func(file) bool { return true },
	},
}

func ruleOf(f file) int {
	for i := range rules {
		if rules[i].matches(f) {
			return i
		}
	}
	return len(rules) - 1
}

// walk lists the regular files under root that can be read, and counts those
// that cannot. It follows no links.
func walk(root string) (files []file, unreadable int, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil:
			unreadable++
			return nil //nolint:nilerr // What cannot be listed is counted and left out.
		case !d.Type().IsRegular():
			return nil
		}
		size, ok := readable(path)
		if !ok {
			unreadable++
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files = append(files, file{path: filepath.ToSlash(rel), size: size})
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list the files under %s: %w", root, err)
	}
	if len(files) == 0 {
		return nil, 0, fmt.Errorf("list the files under %s: there is no readable file; choose another tree with --dir", root)
	}
	return files, unreadable, nil
}

// readable opens a file to see whether a handler will be able to.
func readable(path string) (size int64, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, false
	}
	return info.Size(), true
}
