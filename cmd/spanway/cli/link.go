package cli

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// TraceLink is where a task's trace is to be found, if its producer was in one.
type TraceLink struct {
	TraceID  string `json:"trace_id,omitempty"`
	TraceURL string `json:"trace_url,omitempty"`
}

// TraceURL is the flag --trace-url.
type TraceURL struct{ pattern string }

const traceIDPlace = "{traceID}"

// Flag adds the flag to a command.
func (u *TraceURL) Flag(c *cobra.Command) {
	c.Flags().StringVar(&u.pattern, "trace-url", "", "page of a trace, such as http://jaeger:16686/trace/"+traceIDPlace)
	Checked(c.Flags(), "trace-url", func(text string) error {
		if text != "" && !strings.Contains(text, traceIDPlace) {
			return fmt.Errorf("write %s where the ID belongs", traceIDPlace)
		}
		return nil
	})
	Variables(c.Flags(), "trace-url")
}

// Of is the link of a task. The ID is the second field of a traceparent.
func (u *TraceURL) Of(traceparent string) TraceLink {
	fields := strings.Split(traceparent, "-")
	if len(fields) < 4 {
		return TraceLink{}
	}
	link := TraceLink{TraceID: fields[1]}
	if u.pattern != "" {
		link.TraceURL = strings.ReplaceAll(u.pattern, traceIDPlace, url.PathEscape(link.TraceID))
	}
	return link
}

// PrintLink prints a line that says where the trace is, if there is one.
func (a *App) PrintLink(l TraceLink) error {
	if l.TraceID == "" {
		return nil
	}
	return a.Printf("  trace      %s\n", strings.TrimRight(l.TraceID+"  "+l.TraceURL, " "))
}
