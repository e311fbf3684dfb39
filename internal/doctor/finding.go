package doctor

import (
	"cmp"
	"fmt"
	"slices"
)

// Level is how much a finding matters.
type Level uint8

// The levels, the worst one last.
const (
	// OK: it is as it should be.
	OK Level = iota
	// Note: it is good to know.
	Note
	// Unknown: it could not be read.
	Unknown
	// Warning: it works, and something may be lost or stand still later.
	Warning
	// Problem: something does not work, or records may be lost now.
	Problem
)

// String is the word for it in all output.
func (l Level) String() string {
	return [...]string{"ok", "note", "unknown", "warning", "problem"}[min(l, Problem)]
}

// Finding is what was found of one thing.
type Finding struct {
	// Check names what was looked at, such as kafka.version; the names are stable.
	Check string
	// Subjects are what the finding is of, such as "broker 1".
	Subjects []string
	Level    Level
	Text     string
	// Remedy is what to do; empty if there is nothing to be done.
	Remedy string
}

// Worst is the highest level of the findings.
func Worst(findings []Finding) (worst Level) {
	for _, f := range findings {
		worst = max(worst, f.Level)
	}
	return worst
}

// findings are collected.
type findings []Finding

func (f *findings) add(level Level, check, subject, remedy, format string, args ...any) {
	*f = append(*f, Finding{Check: check, Subjects: []string{subject}, Level: level, Text: fmt.Sprintf(format, args...), Remedy: remedy})
}

// unknown says that something could not be read.
func (f *findings) unknown(check, subject string, err error) {
	f.add(Unknown, check, subject, "", "it could not be read: %v", err)
}

// joined makes one finding of those that say the same of several subjects.
func (f findings) joined() []Finding {
	var out []Finding
	for _, one := range f {
		i := slices.IndexFunc(out, func(o Finding) bool {
			return o.Check == one.Check && o.Level == one.Level && o.Text == one.Text && o.Remedy == one.Remedy
		})
		if i < 0 {
			out = append(out, one)
			continue
		}
		out[i].Subjects = append(out[i].Subjects, one.Subjects...)
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return cmp.Compare(b.Level, a.Level) })
	return out
}
