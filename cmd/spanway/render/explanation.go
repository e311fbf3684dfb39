package render

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/events"
)

// Explanation is an answer to task why as a person reads it, ending in a newline;
// colour marks what matters with the escapes of a terminal.
func Explanation(e query.Explanation, colour bool) Safe {
	var b page
	b.printf("%s  %s\n", padded(headText(e, colour), 43), paint(colour, Dim, asOfText(e)))
	b.WriteString(Details(e, colour).text)
	return b.text()
}

// Details is what an explanation says of a task that waits, without its first line.
func Details(e query.Explanation, colour bool) Safe {
	var b page
	if e.Reason == "" {
		return b.text()
	}
	line := func(name string, rest any) { b.printf("  %-11s %s\n", name, rest) }
	line(Count(e.Counts.Engines, "engine", "engines"), countsText(e.Counts))
	clauseLines(e, func(name string, rest Safe, most bool) {
		if most {
			rest = Sprintf("%s    %s", rest, paint(colour, Yellow, "<- removes most"))
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
	line("ahead", Sprintf("%-31s wakes on: %s", aheadText(e), wakesText(e.WakesOn)))
	for i, s := range e.IfOnly {
		name := "if only"
		if i > 0 {
			name = ""
		}
		line(name, suggestionText(s, e.Needs))
	}
	return b.text()
}

func headText(e query.Explanation, colour bool) Safe {
	head := Sprintf("task %s  pool %s  %s %s", e.Task, e.Pool, strings.ToUpper(e.State), Ms(e.ForMs))
	if e.Engine != "" {
		head = Sprintf("%s  on %s", head, e.Engine)
	}
	if e.Reason != "" {
		head = Sprintf("%s  %s", head, paint(colour, strong, string(e.Reason)))
	}
	if e.Reason == query.NotBefore {
		head = Sprintf("%s %s", head, events.Stamp(e.NotBeforeMs))
	}
	return head
}

func asOfText(e query.Explanation) string {
	text := fmt.Sprintf("as of %s/%d@%d", e.Log, e.Partition, e.Offset)
	if e.Reason != "" {
		text += ", " + Count(e.Counts.Engines, "engine", "engines")
	}
	return text
}

func paint(colour bool, code, text string) Safe {
	if !colour {
		return Sprintf("%s", text)
	}
	return Paint(code, text)
}

// padded fills a text with spaces; colours take no room.
func padded(s Safe, width int) Safe {
	return Safe{s.text + strings.Repeat(" ", max(0, width-s.visible()))}
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
	parts = append(parts, Count(c.Fit, "suits", "suit")+", "+Count(c.WithCapacity, "has capacity", "have capacity"))
	add(c.Reserved, "reserved for a larger task")
	return strings.Join(parts, " · ")
}

func clauseLines(e query.Explanation, line func(name string, rest Safe, most bool)) {
	width := 31
	for _, c := range e.Clauses {
		width = max(width, utf8.RuneCountInString(Clean(oneLine(c.Text)))+len("&& "))
	}
	width = min(width, 72)
	for i, c := range e.Clauses {
		name, text := "predicate", oneLine(c.Text)
		if i > 0 {
			name, text = "", "&& "+text
		}
		line(name, Sprintf("%-*s true on %d", width, text, c.True), c.RemovesMost)
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

// preferText is the preference, and the engine that it likes best of those that suit.
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
	text := fmt.Sprintf("%-31s", Clean(oneLine(e.Prefer)))
	if best != nil {
		text += " best " + best.Engine + ": " + Score(*best.Score)
	}
	return text
}

// Score is the score of an engine.
func Score(score float64) string { return strconv.FormatFloat(score, 'f', -1, 64) }

func aheadText(e query.Explanation) string {
	switch {
	case e.Ahead == 0:
		return "nobody"
	case e.Ahead == e.AheadHigher:
		return Count(e.Ahead, "task", "tasks") + " of higher priority"
	}
	return fmt.Sprintf("%s, %d of higher priority", Count(e.Ahead, "task", "tasks"), e.AheadHigher)
}

func wakesText(on []string) string {
	words := make([]string, len(on))
	for i, w := range on {
		words[i] = strings.ToLower(strings.ReplaceAll(w, "_", " "))
	}
	return strings.Join(words, ", ")
}

// orderLines are the lines of a text about order.
func orderLines(e query.Explanation, line func(name string, rest any)) {
	if e.AfterCount > 0 {
		quoted := make([]string, len(e.After))
		for i, id := range e.After {
			quoted[i] = strconv.Quote(id)
		}
		text := Count(e.AfterCount, "task", "tasks") + ": " + strings.Join(quoted, " ")
		if e.AfterCount > len(e.After) {
			text += " …"
		}
		line("after", text)
	}
	if l := e.Limited; l != nil {
		line("limit", fmt.Sprintf("%q: %d running, at most %d", l.Key, l.Running, l.Limit))
	}
	if e.Reserved != "" {
		line("reserved", fmt.Sprintf("engine %s, for %s", e.Reserved, Ms(e.ReservedForMs)))
	}
}

// suggestionText is a single change that would help.
func suggestionText(s query.Suggestion, needs map[string]int64) string {
	what := "without " + oneLine(s.Drop)
	if s.Need != "" {
		what = s.Need + "=" + Amount(s.Need, s.To) + " instead of " + Amount(s.Need, needs[s.Need])
	}
	return fmt.Sprintf("%-31s ", Clean(what)) + Count(s.Engines, "engine", "engines") + " could take it, " + fmt.Sprint(s.WithCapacity) + " with room now"
}
