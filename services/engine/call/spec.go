// Package call is the payload of a task of kind http: which HTTP request to
// send; and Allowed, the list that says to where. It is pure, so that clients
// make what the stand-alone engine reads.
//
// It owns no topic and keeps no state. As JSON:
//
//	{"method":"POST","url":"https://api.example/v1/jobs","headers":{"accept":"application/json"},
//	 "body":"text","timeout":"10s","expect":[200,202],"final":[503]}
package call

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Kind of the tasks that carry a Spec.
const Kind = "http"

const (
	defaultTimeout = 30 * time.Second
	maxTimeout     = time.Hour
	maxHeaders     = 64
	maxHeaderBytes = 16 << 10
)

// Spec says which request to send.
type Spec struct {
	// Method is GET if it is empty.
	Method string `json:"method,omitempty"`
	// URL is http or https, and on the engine's list.
	URL string `json:"url"`
	// Headers of the request; those that belong to the connection are refused.
	Headers map[string]string `json:"headers,omitempty"`
	// Body is text; BodyBase64 any bytes, instead.
	Body       string `json:"body,omitempty"`
	BodyBase64 []byte `json:"bodyBase64,omitempty"`
	// Timeout of the whole exchange, redirects and body included, such as "10s";
	// 30s if empty, at most 1h. The task's execution timeout bounds it, too.
	Timeout string `json:"timeout,omitempty"`
	// Expect are the status codes that are a success; 200 to 299 if empty.
	Expect []int `json:"expect,omitempty"`
	// Final are status codes after which there is no other try, besides those of
	// 400 to 499 other than 408, 425 and 429.
	Final []int `json:"final,omitempty"`
}

// Parse reads a payload. A field that is not known is refused rather than
// ignored: it would not do what was asked.
func Parse(payload []byte) (Spec, error) {
	var s Spec
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Spec{}, fmt.Errorf(`read the payload as {"method":"GET","url":"https://HOST/PATH","headers":{},"body":""}: %w`, err)
	}
	if d.More() {
		return Spec{}, errors.New("read the payload: something follows the JSON object: send one object")
	}
	return s, s.Validate()
}

var methods = []string{"", http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Validate says what no engine could send, whatever its list.
func (s Spec) Validate() error {
	if _, err := parseURL(s.URL); err != nil {
		return err
	}
	if !slices.Contains(methods, s.Method) {
		return fmt.Errorf("method %q: use one of %s", s.Method, strings.Join(methods[1:], ", "))
	}
	if s.Body != "" && len(s.BodyBase64) > 0 {
		return errors.New("body and bodyBase64 are both given: give one")
	}
	if _, err := s.Patience(); err != nil {
		return err
	}
	for _, code := range slices.Concat(s.Expect, s.Final) {
		if code < 200 || code > 599 {
			return fmt.Errorf("status code %d: use 200 to 599", code)
		}
	}
	return checkHeaders(s.Headers)
}

// ofConnection are the headers that say how a request travels, or to whom.
var ofConnection = []string{"Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

func checkHeaders(headers map[string]string) error {
	size := 0
	for name, value := range headers {
		size += len(name) + len(value)
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !isToken(name):
			return fmt.Errorf("header %q: use letters, digits and hyphens", name)
		case slices.Contains(ofConnection, canonical) || strings.HasPrefix(canonical, "Proxy-"):
			return fmt.Errorf("header %q belongs to the connection: leave it out", name)
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return fmt.Errorf("header %q: its value has control characters: remove them", name)
		}
	}
	if len(headers) > maxHeaders || size > maxHeaderBytes {
		return fmt.Errorf("%d headers of %d bytes: use at most %d of %d bytes", len(headers), size, maxHeaders, maxHeaderBytes)
	}
	return nil
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// Payload is the Spec as JSON.
func (s Spec) Payload() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the request as JSON: %w", err)
	}
	return b, nil
}

// Content is the body.
func (s Spec) Content() []byte {
	if s.Body != "" {
		return []byte(s.Body)
	}
	return s.BodyBase64
}

// Patience is how long the exchange may take.
func (s Spec) Patience() (time.Duration, error) {
	if s.Timeout == "" {
		return defaultTimeout, nil
	}
	d, err := time.ParseDuration(s.Timeout)
	if err != nil || d < time.Millisecond || d > maxTimeout {
		return 0, fmt.Errorf("timeout %.40q: use a duration from 1ms to 1h, such as 10s", s.Timeout)
	}
	return d, nil
}

// Expected tells whether a status code is a success.
func (s Spec) Expected(code int) bool {
	if len(s.Expect) > 0 {
		return slices.Contains(s.Expect, code)
	}
	return code >= 200 && code <= 299
}

// IsFinal tells whether there is no point in trying again after a status code
// that was not expected. A server's own trouble may pass; what it says of the
// request will not, nor will a redirect that leads nowhere.
func (s Spec) IsFinal(code int) bool {
	switch {
	case slices.Contains(s.Final, code):
		return true
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
		return false
	}
	return code < 500
}
