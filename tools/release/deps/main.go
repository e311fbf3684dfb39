// Command deps looks at what Spanway is built and tested from, without a network. Its arguments
// are the folders of modules, each looked at by itself; without any it is the one it is in: each
// module has a licence that is allowed, and of its direct dependencies none is there in
// two majors, and none is archived (archived.txt).
package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed archived.txt
var archived string

// module is what go list says of one.
type module struct {
	Path, Version, Dir string
	Main, Indirect     bool
}

func main() {
	folders := os.Args[1:]
	if len(folders) == 0 {
		folders = []string{"."}
	}
	bad := false
	for _, folder := range folders {
		modules, err := listed(folder)
		if err != nil {
			fmt.Fprintf(os.Stderr, "deps: %s: %v\n", folder, err)
			os.Exit(1)
		}
		counts, problems := judged(modules)
		for _, p := range problems {
			fmt.Fprintf(os.Stderr, "%s: %s\n", folder, p)
		}
		bad = bad || len(problems) > 0
		fmt.Printf("%s: %d modules: %v\n", folder, len(modules), counts)
	}
	if bad {
		os.Exit(1)
	}
}

// judged counts modules by licence, and says what is wrong with them.
func judged(modules []module) (counts map[string]int, problems []string) {
	problems, counts = direct(modules), map[string]int{}
	for _, m := range modules {
		name, err := licenceOf(m.Dir)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s %s: %v", m.Path, m.Version, err))
			continue
		}
		counts[name]++
	}
	return counts, problems
}

// listed are the modules of all packages of the module in a folder, and of their tests.
// Spanway's own are none of them.
func listed(folder string) ([]module, error) {
	cmd := exec.Command("go", "list", "-deps", "-test", "-json=Module", "./...")
	cmd.Dir = folder
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	all := map[string]module{}
	for d := json.NewDecoder(bufio.NewReader(out)); ; {
		var p struct{ Module *module }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module != nil && !p.Module.Main && p.Module.Path != "github.com/spanway/spanway" {
			all[p.Module.Path] = *p.Module
		}
	}
	if err := cmd.Wait(); err != nil {
		return nil, err
	}
	var modules []module
	for _, m := range all {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

var major = regexp.MustCompile(`[./]v\d+$`)

// direct says what is wrong with the direct dependencies.
func direct(modules []module) (problems []string) {
	seen := map[string]string{}
	for _, m := range modules {
		if m.Indirect {
			continue
		}
		base := major.ReplaceAllString(m.Path, "")
		if other := seen[base]; other != "" {
			problems = append(problems, fmt.Sprintf("%s and %s are two majors of one direct dependency", other, m.Path))
		}
		seen[base] = m.Path
		if slices.Contains(strings.Split(archived, "\n"), m.Path) {
			problems = append(problems, m.Path+" is archived by its authors")
		}
	}
	return problems
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying)([.-].*)?$`)

// licenceOf finds the licence in the folder of a module.
func licenceOf(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("is not in the module cache (go mod download): %w", err)
	}
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		if name := licence(string(text)); name != "" {
			return name, nil
		}
	}
	return "", errors.New("no file here is a licence that is allowed")
}

// allowed are the licences that are allowed, each by words that only it has.
var allowed = []struct{ name, words string }{
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"MPL-2.0", "mozilla public license, version 2.0"},
	{"Apache-2.0", "apache license version 2.0"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"BSD", "redistribution and use in source and binary forms, with or without modification, are permitted"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
}

// licence is the name of the licence that a text is; empty if it is none that is allowed.
func licence(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, l := range allowed {
		if strings.Contains(text, l.words) && (l.name == "MPL-2.0" || !strings.Contains(text, "gnu general public license")) {
			return l.name
		}
	}
	return ""
}
