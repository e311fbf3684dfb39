package main

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
)

// terminal tells whether a person looks at w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// colour marks text for a person, and leaves it alone for a program or where
// NO_COLOR is set.
func (a *app) colour(code, text string) string {
	if !a.coloured() {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (a *app) coloured() bool { return os.Getenv("NO_COLOR") == "" && terminal(a.out) }

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
	bold   = "1"
)

// object prints one JSON object on one line.
func (a *app) object(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write %T as JSON: %w", v, err)
	}
	_, err := a.out.Write(b.Bytes())
	return err
}

// table aligns columns. A cell may carry colour, which takes no width.
type table struct {
	head []string
	rows [][]cell
}

type cell struct{ text, colour string }

func plain(v any) cell { return cell{text: fmt.Sprint(v)} }

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

func (a *app) table(t *table) {
	widths := make([]int, len(t.head))
	for i, h := range t.head {
		widths[i] = len(h)
	}
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	line := func(row []cell) {
		for i, c := range row {
			text := c.text
			if c.colour != "" {
				text = a.colour(c.colour, text)
			}
			b.WriteString(text)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
	head := make([]cell, len(t.head))
	for i, h := range t.head {
		head[i] = cell{h, bold}
	}
	line(head)
	for _, row := range t.rows {
		line(row)
	}
	io.WriteString(a.out, b.String()) //nolint:errcheck // A broken pipe ends the program anyway.
}

// asOf names how far the log was read for an answer.
func (a *app) asOf(positions ...string) {
	fmt.Fprintln(a.out, a.colour(dim, "as of "+strings.Join(positions, " ")))
}

// text is bytes as a JSON string if they are text, else nil.
func text(b []byte) *string {
	if !utf8.Valid(b) {
		return nil
	}
	s := string(b)
	return &s
}

// count is a number with the right form of what it counts.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// stamp is a time as JSON shows it; empty for none, which is -1 in Kafka.
func stamp(ms int64) string {
	if ms <= 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// clock is a time of day, for people.
func clock(ms int64) string {
	if ms <= 0 {
		return "-"
	}
	return time.UnixMilli(ms).Local().Format("15:04:05.000")
}

// age is how long ago something was, for people.
func age(now time.Time, ms int64) string {
	if ms <= 0 {
		return "-"
	}
	return short(now.Sub(time.UnixMilli(ms)))
}

// short is a duration with at most two units.
func short(d time.Duration) string {
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
