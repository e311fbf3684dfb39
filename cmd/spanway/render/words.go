package render

import (
	"fmt"
	"strings"
	"time"
)

// Count is a number with the right form of what it counts.
func Count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Duration is a duration with at most two units, such as 90ms, 2.5s, 1m30s and 1d12h.
func Duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return d.Truncate(100 * time.Millisecond).String()
	case d < time.Hour:
		return units(d, time.Minute, "m", time.Second, "s")
	case d < day:
		return units(d, time.Hour, "h", time.Minute, "m")
	}
	return units(d, day, "d", time.Hour, "h")
}

const day = 24 * time.Hour

func units(d, large time.Duration, one string, small time.Duration, other string) string {
	text := fmt.Sprintf("%d%s", d/large, one)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf("%d%s", rest, other)
	}
	return text
}

// Ms is a duration in milliseconds, as Duration writes it.
func Ms(ms int64) string { return Duration(time.Duration(ms) * time.Millisecond) }

// Age is how long ago something was, or a dash if it never was; both times are in
// milliseconds since the Unix epoch.
func Age(nowMs, ms int64) string {
	if ms <= 0 {
		return "-"
	}
	return Ms(nowMs - ms)
}

// oneLine shows text that may hold line breaks and tabs.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
