package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// heading begins a part of the output.
func heading(w io.Writer, text string) { fmt.Fprintf(w, "\n== %s\n\n", text) }

// say prints one line of a part.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "  "+format+"\n", args...)
}

// table prints rows with aligned columns; the first row is the heading. Columns
// of which right is set are aligned to the right.
func table(w io.Writer, right []bool, rows [][]string) {
	widths := make([]int, len(right))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-len(cell))
			if right[i] {
				cell = pad + cell
			} else {
				cell += pad
			}
			line.WriteString("  " + cell)
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// pad fills s with spaces up to a width.
func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-len(s))) }

// grouped writes 11478 as 11,478.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// sized writes bytes with a unit.
func sized(n int64) string {
	const unit = 1024
	if n < unit {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, names := float64(n)/unit, []string{"KiB", "MiB", "GiB"}
	for value >= unit && len(names) > 1 {
		value, names = value/unit, names[1:]
	}
	return fmt.Sprintf("%.1f %s", value, names[0])
}

// seconds writes a duration as people read it.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
