package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"

	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Terminal tells whether a person looks at w.
func Terminal(w io.Writer) bool {
	f, ok := fileOf(w)
	return ok && isatty.IsTerminal(f.Fd())
}

// Width is how many characters wide the terminal is that a person looks at, if one
// does.
func (a *App) Width() (columns int, ok bool) {
	columns, _, ok = a.Size()
	return columns, ok
}

// Size is how many columns and lines the terminal has that is printed to, if it is one.
func (a *App) Size() (columns, lines int, ok bool) {
	f, ok := fileOf(a.out)
	if !ok {
		return 0, 0, false
	}
	w, h, err := term.GetSize(int(f.Fd()))
	return w, h, err == nil && w > 0
}

// Colour marks text for a person, and leaves it alone for a program or where
// NO_COLOR is set.
func (a *App) Colour(colour, text string) render.Safe {
	if colour == "" || !a.Coloured() {
		return render.Sprintf("%s", text)
	}
	return render.Paint(colour, text)
}

// Coloured tells whether what is printed may carry colour.
func (a *App) Coloured() bool { return os.Getenv("NO_COLOR") == "" && Terminal(a.out) }

// Printf prints text for people, with arguments that are cleaned for a terminal
// (render.Sprintf). All text on standard output goes through here.
func (a *App) Printf(format string, args ...any) error {
	_, err := io.WriteString(a.out, render.Sprintf(format, args...).String())
	return err
}

// Text prints a text of several lines for people and programs: what a terminal would not show as
// it is is escaped, but for line breaks.
func (a *App) Text(text string) error {
	_, err := io.WriteString(a.out, render.Lines(text))
	return err
}

// Notef prints text for people to standard error, as Printf does.
func (a *App) Notef(format string, args ...any) {
	fmt.Fprint(a.Err, render.Sprintf(format, args...))
}

// Object prints one JSON object on one line.
func (a *App) Object(v any) error { return a.encode(v, "") }

// Pretty prints one JSON object, indented.
func (a *App) Pretty(v any) error { return a.encode(v, "  ") }

func (a *App) encode(v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write %T as JSON: %w", v, err)
	}
	_, err := a.out.Write(render.JSON(b.Bytes()))
	return err
}

// AsOf names how far the log was read for an answer.
func (a *App) AsOf(positions ...string) error {
	return a.Printf("%s\n", a.Colour(render.Dim, "as of "+strings.Join(positions, " ")))
}

// Text is bytes as a JSON string if they are text, else nil.
func Text(b []byte) *string {
	if !utf8.Valid(b) {
		return nil
	}
	s := string(b)
	return &s
}

// Stamp is a time as all output shows it; empty for none, which is -1 in Kafka.
func Stamp(ms int64) string {
	if ms <= 0 {
		return ""
	}
	return events.Stamp(ms)
}

// Dash is a text, or a dash if there is none.
func Dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// NonNil is a map, empty instead of nil: JSON then has {} for it.
func NonNil[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// StateColour is the colour of a task's state.
func StateColour(s client.State) string {
	switch s {
	case client.Succeeded:
		return render.Green
	case client.Failed, client.Dead, client.Expired, client.Rejected:
		return render.Red
	case client.Cancelled, client.Pending:
		return render.Yellow
	}
	return ""
}
