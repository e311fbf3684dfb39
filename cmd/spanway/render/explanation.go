package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spanway/spanway/internal/query"
)

// Colours of a terminal.
const (
	bold   = "\x1b[1m"
	yellow = "\x1b[33m"
	faint  = "\x1b[2m"
	plain  = "\x1b[0m"
)

// Explanation is an answer to task why as a person reads it, ending in a newline;
// colour marks what matters with the escapes of a terminal.
func Explanation(e query.Explanation, colour bool) string {
	paint := func(code, s string) string {
		if !colour || s == "" {
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
	if e.Reason == query.NotBefore {
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
	line(plural(e.Counts.Engines, "engine"), countsText(e.Counts))
	clauseLines(e, func(name, rest string, most bool) {
		if most {
			rest += "    " + paint(yellow, "<- removes most")
		}
		line(name, rest)
	})
	if text := acceptsText(e); text != "" {
		line("accepts", text)
	}
	for i, text := range e.Never {
		name := "never true"
		if i > 0 {
			name = ""
		}
		line(name, oneLine(text))
	}
	if text := preferText(e); text != "" {
		line("prefer", text)
	}
	line("capacity", capacityText(e))
	orderLines(e, line)
	line("ahead", padded(aheadText(e), 31)+" wakes on: "+wakesText(e.WakesOn))
	for i, s := range e.IfOnly {
		name := "if only"
		if i > 0 {
			name = ""
		}
		line(name, suggestionText(s, e.Needs))
	}
	return b.String()
}

func countsText(c query.Counts) string {
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

func clauseLines(e query.Explanation, line func(name, rest string, most bool)) {
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

func capacityText(e query.Explanation) string {
	text := "needs " + Amounts(e.Needs)
	if e.Closest != nil {
		text += " closest " + e.Closest.Engine + ": " + Shortage(*e.Closest)
	}
	return text
}

// Shortage is what an engine lacks for the task; empty if nothing.
func Shortage(f query.Finding) string {
	var parts []string
	if len(f.Short) > 0 {
		parts = append(parts, "short by "+Amounts(f.Short))
	}
	if len(f.ShortMeasured) > 0 {
		parts = append(parts, "by usage measured short by "+Amounts(f.ShortMeasured))
	}
	if f.ReservedFor != "" {
		parts = append(parts, "its room is reserved for "+f.ReservedFor)
	}
	return strings.Join(parts, ", ")
}

// acceptsText is what the first engine accepts that does not accept the task, and
// how many there are.
func acceptsText(e query.Explanation) string {
	for _, f := range e.Engines {
		if f.Result == query.FindAccepts {
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
func preferText(e query.Explanation) string {
	if e.Prefer == "" {
		return ""
	}
	var best *query.Finding
	for i := range e.Engines {
		if f := &e.Engines[i]; f.Score != nil && (best == nil || *f.Score > *best.Score) {
			best = f
		}
	}
	text := padded(oneLine(e.Prefer), 31)
	if best != nil {
		text += " best " + best.Engine + ": " + Score(*best.Score)
	}
	return text
}

func timeText(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// Score is the score of an engine.
func Score(score float64) string { return strconv.FormatFloat(score, 'f', -1, 64) }

func aheadText(e query.Explanation) string {
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

// orderLines are the lines of a text about order.
func orderLines(e query.Explanation, line func(name, rest string)) {
	if e.AfterCount > 0 {
		quoted := make([]string, len(e.After))
		for i, id := range e.After {
			quoted[i] = strconv.Quote(id)
		}
		text := plural(e.AfterCount, "task") + ": " + strings.Join(quoted, " ")
		if e.AfterCount > len(e.After) {
			text += " …"
		}
		line("after", text)
	}
	if l := e.Limited; l != nil {
		line("limit", fmt.Sprintf("%q: %d running, at most %d", l.Key, l.Running, l.Limit))
	}
	if e.Reserved != "" {
		line("reserved", fmt.Sprintf("engine %s, for %s", e.Reserved, forHumans(e.ReservedForMs)))
	}
}

// suggestionText is a single change that would help.
func suggestionText(s query.Suggestion, needs map[string]int64) string {
	what := "without " + oneLine(s.Drop)
	if s.Need != "" {
		what = s.Need + "=" + Amount(s.Need, s.To) + " instead of " + Amount(s.Need, needs[s.Need])
	}
	return padded(what, 31) + " " + plural(s.Engines, "engine") + " could take it, " + fmt.Sprint(s.WithCapacity) + " with room now"
}
