package document

import (
	"strings"
	"testing"
)

// What is of another type than it is to be is told of in plain words, with where it stands, and
// without what stands there, which may be a secret.
func TestDecodeTellsOfTypesInPlainWords(t *testing.T) {
	type link struct {
		Name    string   `json:"name"`
		Include []string `json:"include"`
		Paused  bool     `json:"paused"`
		Limit   int64    `json:"limit"`
	}
	for text, want := range map[string]string{
		"links:\n  - name: orders\n    include: hidden\n": "line 3, column 14: links[0].include: is to be a list",
		"links:\n- name: [hidden]\n":                      "line 2, column 9: links[0].name: is to be text (a number that is meant as text stands in quotes), and is a list",
		"links:\n- name: {a: hidden}\n":                   "line 2, column 9: links[0].name: is to be text (a number that is meant as text stands in quotes), and has fields",
		"links:\n- paused: yes\n":                         "line 2, column 11: links[0].paused: is to be true or false",
		"links:\n- limit: hidden\n":                       "line 2, column 10: links[0].limit: is to be a whole number of 64 bits",
		"links:\n- limit: 1.5\n":                          "line 2, column 10: links[0].limit: is to be a whole number of 64 bits",
		"links: hidden":                                   "line 1, column 8: links: is to be a list",
		"links:\n- name: a\n  nam: hidden\n":              `line 3, column 3: links[0].nam: unknown field "nam"; there are name, include, paused, limit`,
		"hidden":                                          "line 1, column 1: is to be an object with fields (links)",
		`{"links": [{"include": "hidden"}]}`:              "line 1, column 24: links[0].include: is to be a list",
		"- links: []":                                     "line 1, column 1: is to be an object with fields (links), and is a list",
	} {
		var v struct {
			Links []link `json:"links"`
		}
		err := Decode([]byte(text), &v)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "Go ") || strings.Contains(err.Error(), "hidden")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
