package events

import (
	"fmt"
	"strings"
	"time"
)

// ParseDuration reads a duration as requests, flags and files write it: as
// time.ParseDuration does, and with days, of 24 hours each, before the other units:
// "1d", "1.5d", "2d12h".
func ParseDuration(text string) (time.Duration, error) {
	days, rest, ok := strings.Cut(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	wrong := fmt.Errorf("time: invalid duration %q", text)
	whole, err := time.ParseDuration(days + "h") // Each hour of it stands for a day.
	if err != nil || strings.ContainsAny(days, "hmsnuµμ") || whole.Abs() > maxDuration/24 {
		return 0, wrong
	}
	d := whole * 24
	if rest == "" {
		return d, nil
	}
	less, err := time.ParseDuration(rest)
	if err != nil || strings.ContainsAny(rest[:1], "+-") {
		return 0, wrong
	}
	if strings.HasPrefix(days, "-") {
		less = -less
	}
	if sum := d + less; (sum < d) == (less < 0) {
		return sum, nil
	}
	return 0, wrong
}

const maxDuration = time.Duration(1<<63 - 1)
