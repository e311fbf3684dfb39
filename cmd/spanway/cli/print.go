package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"

	"github.com/spanway/spanway/pkg/client"
)

// Terminal tells whether a person looks at w.
func Terminal(w io.Writer) bool {
	f, ok := fileOf(w)
	return ok && isatty.IsTerminal(f.Fd())
}

// Width is how many characters wide the terminal is that a person looks at, if one
// does.
func (a *App) Width() (columns int, ok bool) {
	f, ok := fileOf(a.Out)
	if !ok {
		return 0, false
	}
	w, _, err := term.GetSize(int(f.Fd()))
	return w, err == nil && w > 0
}

// Colour marks text for a person, and leaves it alone for a program or where
// NO_COLOR is set.
func (a *App) Colour(code, text string) string {
	if !a.Coloured() {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Coloured tells whether what is printed may carry colour.
func (a *App) Coloured() bool { return os.Getenv("NO_COLOR") == "" && Terminal(a.Out) }

// Colours, of text that a person reads.
const (
	Red    = "31"
	Green  = "32"
	Yellow = "33"
	dim    = "2"
	Bold   = "1"
)

// Object prints one JSON object on one line.
func (a *App) Object(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write %T as JSON: %w", v, err)
	}
	_, err := a.Out.Write(b.Bytes())
	return err
}

// Table aligns columns. A cell may carry colour, which takes no width.
type Table struct {
	Head []string
	Rows [][]Cell
}

// Cell is a text, and its colour or none.
type Cell struct{ text, colour string }

// Marked is a cell that is marked for a person.
func Marked(text, colour string) Cell { return Cell{text, colour} }

// Plain is a cell without colour.
func Plain(v any) Cell { return Cell{text: fmt.Sprint(v)} }

// Add adds a row, of as many cells as there are heads.
func (t *Table) Add(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// Table prints a table.
func (a *App) Table(t *Table) {
	widths := make([]int, len(t.Head))
	for i, h := range t.Head {
		widths[i] = len(h)
	}
	for _, row := range t.Rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	line := func(row []Cell) {
		for i, c := range row {
			text := c.text
			if c.colour != "" {
				text = a.Colour(c.colour, text)
			}
			b.WriteString(text)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
	head := make([]Cell, len(t.Head))
	for i, h := range t.Head {
		head[i] = Cell{h, Bold}
	}
	line(head)
	for _, row := range t.Rows {
		line(row)
	}
	io.WriteString(a.Out, b.String()) //nolint:errcheck // The output remembers it.
}

// AsOf names how far the log was read for an answer.
func (a *App) AsOf(positions ...string) {
	fmt.Fprintln(a.Out, a.Colour(dim, "as of "+strings.Join(positions, " ")))
}

// Text is bytes as a JSON string if they are text, else nil.
func Text(b []byte) *string {
	if !utf8.Valid(b) {
		return nil
	}
	s := string(b)
	return &s
}

// Count is a number with the right form of what it counts.
func Count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Stamp is a time as JSON shows it; empty for none, which is -1 in Kafka.
func Stamp(ms int64) string {
	if ms <= 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// Clock is a time of day, for people.
func Clock(ms int64) string {
	if ms <= 0 {
		return "-"
	}
	return time.UnixMilli(ms).Local().Format("15:04:05.000")
}

// Age is how long ago something was, for people.
func Age(now time.Time, ms int64) string {
	if ms <= 0 {
		return "-"
	}
	return Short(now.Sub(time.UnixMilli(ms)))
}

// Short is a duration with at most two units.
func Short(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// size is a number of bytes for people.
func size(n int64) string {
	units := []string{"", "Ki", "Mi", "Gi", "Ti"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") + units[i]
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
		return Green
	case client.Failed, client.Dead, client.Expired, client.Rejected:
		return Red
	case client.Cancelled, client.Pending:
		return Yellow
	}
	return ""
}
