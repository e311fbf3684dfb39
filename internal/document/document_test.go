package document

import (
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, err string
		a         int
	}{
		"one":                      {"a: 1\n", "", 1},
		"JSON":                     {`{"a": 1}`, "", 1},
		"a byte order mark":        {"\ufeffa: 1\n", "", 1},
		"marks around it":          {"---\na: 1\n...\n", "", 1},
		"a mark behind it":         {"a: 1\n---\n", "", 1},
		"nothing":                  {"", "", 0},
		"two":                      {"a: 1\n---\na: 2\n", "more than one YAML document", 0},
		"a second that is broken":  {"a: 1\n---\nb: [secret", "more than one YAML document", 0},
		"a second that ends early": {"a: 1\n---\n\"secret", "unexpected end of stream", 0},
		"two objects":              {`{"a": 1}{"a": 2}`, "more than one YAML document", 0},
		"a field that is not":      {"b: 1\n", `unknown field "b"`, 0},
		"a field that comes twice": {"a: 1\na: 2\n", `"a" already set`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v struct {
				A int `json:"a"`
			}
			err := Decode([]byte(c.text), &v)
			if c.err == "" && (err != nil || v.A != c.a) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %d, %v; want %d, %q", v.A, err, c.a, c.err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}
