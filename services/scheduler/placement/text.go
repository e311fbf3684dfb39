package placement

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Colours of a terminal.
const (
	bold   = "\x1b[1m"
	yellow = "\x1b[33m"
	faint  = "\x1b[2m"
	plain  = "\x1b[0m"
)

// Text is the explanation as a person reads it, ending in a newline; color
// marks what matters with the escapes of a terminal.
func (e Explanation) Text(color bool) string {
	paint := func(code, s string) string {
		if !color || s == "" {
			return s
		}
		return code + s + plain
	}
	var b strings.Builder
	head := fmt.Sprintf("task %s  %s %s", e.Task, strings.ToUpper(e.State), forHumans(e.ForMs))
	if e.Engine != "" {
		head += "  on " + e.Engine
	}
	if e.Reason != "" {
		head += "  " + paint(bold+yellow, string(e.Reason))
	}
	if e.Reason == NotBefore {
		head += " " + timeText(e.NotBeforeMs)
	}
	asOf := fmt.Sprintf("as of %s/%d@%d", e.Log, e.Partition, e.Offset)
	if e.Reason != "" {
		asOf += ", " + plural(e.Counts.Engines, "engine")
	}
	fmt.Fprintf(&b, "%s  %s\n", padded(head, 43), paint(faint, asOf))
	if e.Reason == "" {
		return b.String()
	}
	line := func(name, rest string) { fmt.Fprintf(&b, "  %-11s %s\n", name, rest) }
	line(plural(e.Counts.Engines, "engine"), e.Counts.text())
	e.clauseLines(func(name, rest string, most bool) {
		if most {
			rest += "    " + paint(yellow, "<- removes most")
		}
		line(name, rest)
	})
	if text := e.acceptsText(); text != "" {
		line("accepts", text)
	}
	if text := e.preferText(); text != "" {
		line("prefer", text)
	}
	line("capacity", e.capacityText())
	e.orderLines(line)
	line("ahead", padded(e.aheadText(), 31)+" wakes on: "+wakesText(e.WakesOn))
	for i, s := range e.IfOnly {
		name := "if only"
		if i > 0 {
			name = ""
		}
		line(name, s.text(e.Needs))
	}
	return b.String()
}

func (c Counts) text() string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(c.Lost, "lost")
	add(c.Draining, "draining")
	add(c.KindUnhandled, "kind unhandled")
	add(c.PredicateFalse, "predicate false")
	add(c.NotAccepted, "not accepted")
	parts = append(parts, fmt.Sprintf("%d fit, %d have capacity", c.Fit, c.WithCapacity))
	add(c.Reserved, "reserved for a larger task")
	return strings.Join(parts, " · ")
}

func (e Explanation) clauseLines(line func(name, rest string, most bool)) {
	width := 31
	for _, c := range e.Clauses {
		width = max(width, utf8.RuneCountInString(oneLine(c.Text))+len("&& "))
	}
	width = min(width, 72)
	for i, c := range e.Clauses {
		name, text := "predicate", oneLine(c.Text)
		if i > 0 {
			name, text = "", "&& "+text
		}
		line(name, fmt.Sprintf("%s true on %d", padded(text, width), c.True), c.RemovesMost)
	}
}

func (e Explanation) capacityText() string {
	text := "needs " + amountsText(e.Needs)
	if e.Closest != nil {
		text += " closest " + e.Closest.Engine + ": " + e.Closest.shortText()
	}
	return text
}

func (f *Finding) shortText() string {
	var parts []string
	if len(f.Short) > 0 {
		parts = append(parts, "short by "+amountsText(f.Short))
	}
	if len(f.ShortMeasured) > 0 {
		parts = append(parts, "by usage measured short by "+amountsText(f.ShortMeasured))
	}
	if f.ReservedFor != "" {
		parts = append(parts, "its room is reserved for "+f.ReservedFor)
	}
	return strings.Join(parts, ", ")
}

// acceptsText is what the first engine accepts that does not accept the task, and
// how many there are.
func (e Explanation) acceptsText() string {
	for _, f := range e.Engines {
		if f.Result == FindAccepts {
			text := fmt.Sprintf("%s only %s", f.Engine, oneLine(f.NotAccepted))
			if more := e.Counts.NotAccepted - 1; more > 0 {
				text += fmt.Sprintf(", and %d more", more)
			}
			return text
		}
	}
	return ""
}

// preferText is the preference, and the engine that it likes best of those that fit.
func (e Explanation) preferText() string {
	if e.Prefer == "" {
		return ""
	}
	var best *Finding
	for i := range e.Engines {
		if f := &e.Engines[i]; f.Score != nil && (best == nil || *f.Score > *best.Score) {
			best = f
		}
	}
	text := padded(oneLine(e.Prefer), 31)
	if best != nil {
		text += " best " + best.Engine + ": " + scoreText(*best.Score)
	}
	return text
}

func timeText(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

func scoreText(score float64) string { return strconv.FormatFloat(score, 'f', -1, 64) }

func (e Explanation) aheadText() string {
	switch {
	case e.Ahead == 0:
		return "nobody"
	case e.Ahead == e.AheadHigher:
		return plural(e.Ahead, "task") + " of higher priority"
	}
	return fmt.Sprintf("%s, %d of higher priority", plural(e.Ahead, "task"), e.AheadHigher)
}

func wakesText(on []string) string {
	words := make([]string, len(on))
	for i, w := range on {
		words[i] = strings.ToLower(strings.ReplaceAll(w, "_", " "))
	}
	return strings.Join(words, ", ")
}

// amountsText lists slots first, then the other dimensions by name.
func amountsText(m map[string]int64) string {
	names := slices.Sorted(maps.Keys(m))
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case a == "slots" && b != "slots":
			return -1
		case b == "slots" && a != "slots":
			return 1
		}
		return 0
	})
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = n + "=" + amountText(n, m[n])
	}
	return strings.Join(parts, " ")
}

// amountText writes bytes in binary units, all else as a number.
func amountText(name string, n int64) string {
	if !strings.HasSuffix(name, "bytes") {
		return fmt.Sprint(n)
	}
	for i, unit := range []string{"Ei", "Pi", "Ti", "Gi", "Mi", "Ki"} {
		size := int64(1) << (10 * (6 - i))
		switch {
		case n < size:
		case n%size == 0:
			return fmt.Sprintf("%d%s", n/size, unit)
		default:
			return fmt.Sprintf("%.1f%s", float64(n)/float64(size), unit)
		}
	}
	return fmt.Sprint(n)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// oneLine shows text that may hold line breaks and tabs.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// padded fills s with spaces; escapes of colours count as nothing.
func padded(s string, width int) string {
	n := utf8.RuneCountInString(s)
	for _, code := range []string{bold, yellow, faint, plain} {
		n -= strings.Count(s, code) * len(code)
	}
	if n >= width {
		return s
	}
	return s + strings.Repeat(" ", width-n)
}

func forHumans(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Second:
		return d.String()
	case d < time.Minute:
		return d.Truncate(time.Second).String()
	case d < time.Hour:
		return strings.TrimSuffix(d.Truncate(time.Second).String(), "0s")
	}
	return strings.TrimSuffix(d.Truncate(time.Minute).String(), "0s")
}
