package cli

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanway/spanway/pkg/events"
)

// reading is the value of a flag whose text is looked at first: read returns it in
// the form that the value knows.
type reading struct {
	pflag.Value
	read func(string) (string, error)
}

func (v reading) Set(text string) error {
	text, err := v.read(text)
	if err != nil {
		return err
	}
	return v.Value.Set(text)
}

// Choices makes a flag take only some texts, and its help names them.
func Choices(f *pflag.FlagSet, name string, choices ...string) {
	flag := f.Lookup(name)
	all := strings.Join(choices[:len(choices)-1], ", ") + " or " + choices[len(choices)-1]
	if slices.ContainsFunc(choices, func(c string) bool { return !strings.Contains(flag.Usage, c) }) {
		what, preset, has := strings.Cut(flag.Usage, " (default ")
		if flag.Usage = what + ": " + all; has {
			flag.Usage += " (default " + preset
		}
	}
	flag.Value = reading{flag.Value, func(text string) (string, error) {
		if slices.Contains(choices, text) {
			return text, nil
		}
		return "", fmt.Errorf("give %s", all)
	}}
}

// Checked makes a flag take only texts that check accepts, which is given each item of
// a list.
func Checked(f *pflag.FlagSet, name string, check func(text string) error) {
	flag := f.Lookup(name)
	if many, ok := flag.Value.(pflag.SliceValue); ok {
		flag.Value = checkedList{flag.Value, many, check}
		return
	}
	flag.Value = reading{flag.Value, func(text string) (string, error) { return text, check(text) }}
}

// checkedList is the value of a flag that takes several, each of which is checked.
type checkedList struct {
	pflag.Value
	pflag.SliceValue
	check func(string) error
}

func (l checkedList) Append(item string) error {
	if err := l.check(item); err != nil {
		return err
	}
	return l.SliceValue.Append(item)
}

func (l checkedList) Replace(items []string) error {
	for _, item := range items {
		if err := l.check(item); err != nil {
			return err
		}
	}
	return l.SliceValue.Replace(items)
}

// AtLeast makes flags take only integers from least on.
func AtLeast(f *pflag.FlagSet, least int64, names ...string) {
	for _, name := range names {
		Checked(f, name, func(text string) error {
			if n, err := strconv.ParseInt(text, 0, 64); err == nil && n < least {
				return fmt.Errorf("give an integer of at least %d", least)
			}
			return nil // What is no integer the value itself refuses.
		})
	}
}

// Lasting makes flags take only durations from least on, or 0 if that may be.
func Lasting(f *pflag.FlagSet, least time.Duration, zero bool, names ...string) {
	for _, name := range names {
		Checked(f, name, func(text string) error {
			d, err := events.ParseDuration(text)
			short := err == nil && d < least // What is no duration the value itself refuses.
			switch {
			case !short || d == 0 && zero:
				return nil
			case zero:
				return fmt.Errorf("give 0, or a duration of at least %v", least)
			}
			return fmt.Errorf("give a duration of at least %v", least)
		})
	}
}

// CheckAddress is the error of a text at which nothing can listen.
func CheckAddress(text string) error {
	if text == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return errors.New("give an address as host:port, such as 127.0.0.1:8080 or :8080")
	}
	return nil
}

// Names makes flags take only what may name something.
func Names(f *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flag := f.Lookup(name)
		flag.Value = reading{flag.Value, func(text string) (string, error) { return text, CheckName(name, text) }}
	}
}

// CheckName is the error of a text that can be no name of what.
func CheckName(what, text string) error {
	return reason(events.CheckOptionalID(what, text))
}

// CheckID is CheckName of a name that must be given.
func CheckID(what, text string) error { return reason(events.CheckID(what, text)) }

// reason is why something was refused, without the code.
func reason(err error) error {
	var refused *events.Malformed
	if errors.As(err, &refused) {
		return errors.New(refused.Message)
	}
	return err
}

// accept makes all flags of a command and of those below it take what people write:
// yes for true, days in durations, and lists as split reads them.
func accept(c *cobra.Command) {
	c.Flags().VisitAll(acceptFlag)
	c.PersistentFlags().VisitAll(acceptFlag)
	for _, sub := range c.Commands() {
		accept(sub)
	}
}

func acceptFlag(f *pflag.Flag) {
	switch v, many := f.Value.(pflag.SliceValue); {
	case many:
		f.Value = &words{Value: f.Value, items: v}
		f.DefValue = strings.TrimSuffix(strings.TrimPrefix(f.DefValue, "["), "]")
	case f.Value.Type() == "bool":
		f.Value = reading{f.Value, readBool}
	case f.Value.Type() == "duration":
		f.Value = reading{f.Value, readDuration}
		if f.DefValue == "0s" {
			f.DefValue = "0" // Which the help leaves out.
		}
	}
}

var (
	errDuration = errors.New("give a duration such as 30s, 12h or 7d")
	errBool     = errors.New("give true or false, yes or no, 1 or 0")
)

func readBool(text string) (string, error) {
	switch low := strings.ToLower(text); low {
	case "yes", "no", "on", "off":
		return strconv.FormatBool(low == "yes" || low == "on"), nil
	default:
		b, err := strconv.ParseBool(low)
		if err != nil {
			return "", errBool
		}
		return strconv.FormatBool(b), nil
	}
}

func readDuration(text string) (string, error) {
	d, err := events.ParseDuration(text)
	if err != nil {
		return "", errDuration
	}
	return d.String(), nil
}

// wrongValue says of a text that a flag cannot be what to give; where is the flag or
// the variable that has it.
func wrongValue(where string, err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("%s: %w", where, err)
	}
	return fmt.Errorf("%s %.256q: %w", where, wrong.GetValue(), whatToGive(wrong))
}

func whatToGive(wrong *pflag.InvalidValueError) error {
	kind := wrong.GetFlag().Value.Type()
	number := strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint")
	switch {
	case number && errors.Is(wrong, strconv.ErrRange):
		return fmt.Errorf("it is out of the range of %s", kind)
	case number && errors.Is(wrong, strconv.ErrSyntax):
		return errors.New("give an integer")
	}
	return wrong.Unwrap()
}
