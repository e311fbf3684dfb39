package call

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func allowed(t testing.TB, prefixes ...string) Allowed {
	t.Helper()
	a, err := NewAllowed(prefixes)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAllowed(t *testing.T) {
	a := allowed(t, "https://API.example/v1", "http://127.0.0.1", "http://[::1]:*", "http://plain.example:8080/a%20b/", "https://whole.example")
	for _, url := range []string{
		"https://api.example/v1", "https://api.example/v1/", "https://api.example/v1/jobs/7?x=../..", "https://api.example:443/v1/x",
		"https://API.EXAMPLE/v1/x", "https://api.example:0443/v1", "https://api.example/%76%31/x", "HTTPS://api.example/v1#top",
		"http://127.0.0.1", "http://127.0.0.1:80/x", "http://127.0.0.1/?a",
		"http://[::1]:9999/x", "http://[0:0:0:0:0:0:0:1]/x", "http://[0000::0001]:1/",
		"http://plain.example:8080/a%20b", "http://plain.example:8080/a%20b/c", "https://whole.example/any/thing", "https://whole.example/v1;p=1",
	} {
		if err := a.Check(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for url, want := range map[string]string{
		// Text that begins alike.
		"https://api.example/v10":         "not allowed",
		"https://api.example/v1x/y":       "not allowed",
		"https://api.example.evil/v1":     "not allowed",
		"https://api.example:444/v1":      "not allowed",
		"https://api.example:4430/v1":     "not allowed",
		"https://xapi.example/v1":         "not allowed",
		"https://api.example/V1":          "not allowed",
		"https://api.example/":            "not allowed",
		"https://api.example":             "not allowed",
		"http://api.example/v1":           "not allowed",
		"http://127.0.0.1:8080/":          "not allowed",
		"http://127.0.0.10/":              "not allowed",
		"https://api.example./v1":         "not allowed",
		"https://api.example//v1":         "not allowed",
		"https://api.example/x/v1":        "not allowed",
		"http://plain.example:8080/a+b/c": "not allowed",
		// Users.
		"https://api.example@evil.example/v1":     "user",
		"https://api.example:443@evil.example/v1": "user",
		"https://api.example%2fv1@evil.example/":  "user",
		"https://user:secret@api.example/v1":      "user",
		"https://evil.example#@api.example/v1":    "not allowed",
		"https://evil.example?@api.example/v1":    "not allowed",
		`https://evil.example\@api.example/v1`:    "",
		"https://api.example\\.evil.example/v1":   "",
		"https://evil.example%00.api.example/v1":  "",
		"https://api.example%2f.evil.example/v1":  "",
		"https://api.example\t.evil.example/v1":   "",
		"https://api.example /v1":                 "",
		"https://аpi.example/v1":                  "punycode", // Cyrillic
		"https://api。example/v1":                  "punycode",
		"https://api.example,evil.example/v1":     "host",
		// Ways up.
		"https://api.example/v1/../admin":         `".."`,
		"https://api.example/v1/..":               `".."`,
		"https://api.example/v1/./x":              `"."`,
		"https://api.example/v1/%2e%2e/admin":     "%2e%2e",
		"https://api.example/v1/.%2E/admin":       "segment",
		"https://api.example/v1/..;a=b/admin":     "segment",
		"https://api.example/v1/..%2fadmin":       "segment",
		"https://api.example/v1/%2e%2e%2fadmin":   "segment",
		"https://api.example/v1%2f..%2fadmin":     "segment",
		"https://api.example/v1/..%5cadmin":       "segment",
		`https://api.example/v1/..\admin`:         "backslash",
		"https://api.example/v1/%252e%252e/admin": "segment",
		"https://api.example/v1/..%252fadmin":     "segment",
		"https://api.example/v1/x%00":             "segment",
		"https://whole.example/a/../b":            `".."`,
		// Addresses in disguise.
		"http://2130706433/":         "not allowed",
		"http://0x7f000001/":         "not allowed",
		"http://0177.0.0.1/":         "not allowed",
		"http://127.1/":              "not allowed",
		"http://[::ffff:127.0.0.1]/": "not allowed",
		"http://[::]/":               "not allowed",
		"http://[::1%25lo]/":         "zone",
		"http://localhost/":          "not allowed",
		// No URLs of ours.
		"":                                     "http://",
		"//api.example/v1":                     "http://",
		"api.example/v1":                       "http://",
		"file:///etc/passwd":                   "http://",
		"ftp://api.example/v1":                 "http://",
		"gopher://127.0.0.1:6379/_x":           "http://",
		"https:api.example/v1":                 "host",
		"https:///v1":                          "host",
		"https://:443/v1":                      "host",
		"https://api.example:x/v1":             "port",
		"https://api.example:*/v1":             "port",
		"https://api.example/v1/%zz":           "escape",
		"https://[api.example]/v1":             "",
		"https://api.example/v1\r\nHost: evil": "",
	} {
		if err := a.Check(url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want it refused with %q", url, err, want)
		}
	}
	if err := (Allowed)(nil).Check("http://127.0.0.1/"); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("an empty list: %v", err)
	}
}

func TestPrefixes(t *testing.T) {
	for _, bad := range []string{
		"", "api.example", "api.example/v1", "https://", "https://*", "https://u@h/", "https://h/?q", "https://h/#f", "https://h/a?", "https://h/../x",
		"https://h:80:*/", "ftp://h/", "https://h:*:*", "*", "https://h/%2f",
	} {
		if a, err := NewAllowed([]string{"http://ok", bad}); err == nil {
			t.Errorf("%q is taken as %+v", bad, a)
		}
	}
}

// Whatever is allowed goes, as net/url and so as net/http reads it, to the host
// that was listed, and into the path that was listed.
func FuzzAllowed(f *testing.F) {
	for _, s := range []string{"https://api.example/v1/x", "https://api.example@e/v1", "https://api.example/v1/..;/x", "https://API.example:443/v1/%2e"} {
		f.Add(s)
	}
	a := allowed(f, "https://api.example/v1")
	f.Fuzz(func(t *testing.T, text string) {
		if a.Check(text) != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || !strings.EqualFold(u.Hostname(), "api.example") || u.User != nil {
			t.Fatalf("%q goes to %v, %v", text, u, err)
		}
		if resolved := u.JoinPath().Path; resolved != "/v1" && !strings.HasPrefix(resolved, "/v1/") {
			t.Fatalf("%q goes to the path %q", text, resolved)
		}
	})
}

func TestSpecs(t *testing.T) {
	good := Spec{URL: "https://api.example/v1", Method: http.MethodPost, Headers: map[string]string{"x-a": "b"}, Body: "é", Timeout: "5s", Expect: []int{202}, Final: []int{503}}
	b, err := good.Payload()
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Parse(b); err != nil || string(s.Content()) != "é" || !s.Expected(202) || s.Expected(200) {
		t.Errorf("%s is read as %+v, %v", b, s, err)
	}
	for want, payload := range map[string]string{
		"as {":             `[]`,
		"unknown field":    `{"url":"http://h/","verb":"GET"}`,
		"follows":          `{"url":"http://h/"} {}`,
		"http://":          `{}`,
		`method "CONNECT"`: `{"url":"http://h/","method":"CONNECT"}`,
		`method "get"`:     `{"url":"http://h/","method":"get"}`,
		"both":             `{"url":"http://h/","body":"a","bodyBase64":"YQ=="}`,
		"timeout":          `{"url":"http://h/","timeout":"2h"}`,
		"status code 100":  `{"url":"http://h/","expect":[100]}`,
		"connection":       `{"url":"http://h/","headers":{"host":"evil"}}`,
		"belongs":          `{"url":"http://h/","headers":{"proxy-authorization":"x"}}`,
		"letters":          `{"url":"http://h/","headers":{"a b":"x"}}`,
		"control":          `{"url":"http://h/","headers":{"a":"x\r\nHost: evil"}}`,
		"at most 64":       `{"url":"http://h/","headers":{"a":"` + strings.Repeat("x", 17<<10) + `"}}`,
	} {
		if s, err := Parse([]byte(payload)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: %+v, %v; want an error with %q", payload, s, err, want)
		}
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	var s Spec
	if err := json.Unmarshal([]byte(`{"final":[503,429]}`), &s); err != nil {
		t.Fatal(err)
	}
	for code, final := range map[int]bool{400: true, 404: true, 408: false, 425: false, 429: true, 500: false, 502: false, 503: true, 304: true, 200: true} {
		if s.IsFinal(code) != final {
			t.Errorf("%d final: %v", code, !final)
		}
	}
	if (Spec{}).IsFinal(429) || !(Spec{}).Expected(204) || (Spec{}).Expected(301) {
		t.Error("the defaults are others")
	}
}
