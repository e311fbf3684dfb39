package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/spanway/spanway/pkg/events"
)

const (
	// maxHeaderValue bounds the headers that go into a result.
	maxHeaderValue = 1 << 10
	// maxBeginning is how much of an answer goes into an error.
	maxBeginning = 1 << 10
)

// carried are the headers that go into a result.
var carried = []string{"Content-Type", "Etag", "Last-Modified", "Location", "Retry-After"}

// answer is the result of an http task.
type answer struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	// Body is set if it is text, else BodyBase64.
	Body       *string `json:"body,omitempty"`
	BodyBase64 []byte  `json:"bodyBase64,omitempty"`
	// Truncated: the server sent more than fits into a result.
	Truncated bool `json:"truncated,omitempty"`

	content []byte
}

// readAnswer reads no more than could be in a result. The rest costs the
// connection, which is then not used again.
func readAnswer(r *http.Response) (answer, error) {
	content, err := io.ReadAll(io.LimitReader(r.Body, events.MaxPayloadBytes+1))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer of %s: %w", r.Request.URL, err)
	}
	a := answer{Status: r.StatusCode, Headers: map[string]string{}, content: content}
	for _, name := range carried {
		if v := r.Header.Get(name); v != "" {
			a.Headers[strings.ToLower(name)] = strings.ToValidUTF8(string(events.Cut([]byte(v), maxHeaderValue)), "\uFFFD")
		}
	}
	return a, nil
}

// encode writes the answer as JSON of at most so many bytes, and cuts the body if
// it must: by what is too much, for no byte of it takes less than one.
func (a answer) encode(limit int) ([]byte, error) {
	all := a.content
	isText := utf8.Valid(all) || len(all) > events.MaxPayloadBytes && utf8.Valid(events.Whole(all))
	for {
		a.Truncated = len(a.content) < len(all)
		if a.Body, a.BodyBase64 = nil, a.content; isText {
			text := string(a.content)
			a.Body, a.BodyBase64 = &text, nil
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(a); err != nil {
			return nil, fmt.Errorf("write the answer as JSON: %w", err)
		}
		out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
		over := len(out) - limit
		if over <= 0 {
			return out, nil
		}
		a.content = events.Whole(a.content[:max(0, len(a.content)-over)])
	}
}

// beginning is the first of the body, as the end of an error.
func (a answer) beginning() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(events.Cut(a.content, maxBeginning)), "\uFFFD"))
	switch {
	case text == "":
		return ""
	case len(a.content) > maxBeginning:
		text += " …"
	}
	return ": " + text
}
