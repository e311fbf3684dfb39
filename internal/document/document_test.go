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
			if err != nil && (strings.Contains(err.Error(), "JSON: ") || strings.Contains(err.Error(), "json: ")) {
				t.Errorf("it tells of what reads it: %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}

// A number is refused where its text may mean another one, or no number at all.
func TestNumbersAreClear(t *testing.T) {
	t.Parallel()
	for text, plain := range map[string]bool{
		"0": true, "7": true, "-7": true, "+7": true, "1.5": true, "0.5": true, "1e3": true, "9007199254740993": true,
		"v1_0": true, "1_a": true, "0xyz": true, "a": true, "1.2.3": true, "2026-11-25": true, `"01234"`: true, "'1_0'": true, "64Mi": true, "_": true, ".": true,
		"01234": false, "08": false, "-012": false, "00": false, "01.5": false, "1_0": false, "0_7": false, "1_0.5": false,
		"0o17": false, "0x1F": false, "0b11": false, "9007199254740993.5": false, "1e300": false, "1e999": false, "18446744073709551616": false,
	} {
		for _, document := range []string{"a: " + text, "[{b: [" + text + "]}]"} {
			var v any
			err := Decode([]byte(document), &v)
			if (err == nil) != plain || err != nil && !strings.Contains(err.Error(), "line 1: a number") {
				t.Errorf("%s: %v, %v; want it to be clear: %t", document, v, err, plain)
			}
		}
	}
}

// Only true and false are Booleans; what else YAML 1.1 reads as one is text, as a name, too.
func TestOnlyTrueAndFalseAreBooleans(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"yes", "No", "ON", "off", "y", "N", `"true"`} {
		var v map[string]any
		err := Decode([]byte("# labels\na: "+text+"\nb: [x, "+text+"] # two\n"+text+": 7\n"), &v)
		want := strings.Trim(text, `"`)
		if list, _ := v["b"].([]any); err != nil || v["a"] != want || v[want] != 7.0 || len(list) != 2 || list[1] != want {
			t.Errorf("%s: %v, %v; want it to be text", text, v, err)
		}
	}
	var v []any
	if err := Decode([]byte("[true, False, {c: yes}]"), &v); err != nil || v[0] != true || v[1] != false {
		t.Errorf("true and False: %v, %v", v, err)
	}
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": true, " \n": true, "# only a comment\n": true, "---\n": true, "--- # nothing\n...\n": true, "null": true, "~": true, "\ufeff": true,
		"[]": false, "{}": false, "a": false, "\x00": false, "[": false,
	} {
		if Empty([]byte(text)) != want {
			t.Errorf("%q is empty: %t; want %t", text, !want, want)
		}
	}
}
