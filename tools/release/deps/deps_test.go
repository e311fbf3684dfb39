package main

import (
	"strings"
	"testing"
)

func TestLicences(t *testing.T) {
	for text, want := range map[string]string{
		"Apache License\n   Version 2.0, January 2004":                                                                         "Apache-2.0",
		"Permission is hereby granted, free of charge, to any\nperson obtaining a copy of this":                                "MIT",
		"Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided":             "BSD",
		"Mozilla Public License Version 2.0 ... GNU General Public License":                                                    "MPL-2.0",
		"GNU GENERAL PUBLIC LICENSE Version 3":                                                                                 "",
		"Apache License Version 2.0, or the GNU General Public License":                                                        "",
		"Business Source License 1.1":                                                                                          "",
		"Permission to use, copy, modify, and distribute this software for any\npurpose with or without fee is hereby granted": "ISC",
		"Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is":              "ISC",
	} {
		if got := licence(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestDirectDependencies(t *testing.T) {
	for path, want := range map[string]string{
		"example.org/a/v3":      "two majors",
		"github.com/pkg/errors": "archived",
		"example.org/b":         "",
	} {
		problems := strings.Join(direct([]module{{Path: "example.org/a"}, {Path: path}}), "\n")
		if (problems == "") != (want == "") || !strings.Contains(problems, want) {
			t.Errorf("%s: %q, want %q", path, problems, want)
		}
		if of := direct([]module{{Path: "example.org/a"}, {Path: path, Indirect: true}}); len(of) > 0 {
			t.Errorf("indirect %s: %v", path, of)
		}
	}
}
