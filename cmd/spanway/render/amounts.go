package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Amounts lists slots first, then the other dimensions by name.
func Amounts(m map[string]int64) string {
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
		parts[i] = n + "=" + Amount(n, m[n])
	}
	return strings.Join(parts, " ")
}

// Amount writes bytes in binary units, all else as a number.
func Amount(name string, n int64) string {
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
