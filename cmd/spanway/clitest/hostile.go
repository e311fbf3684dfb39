package clitest

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

// Hostile is text that would change what a terminal shows if it came there raw: line
// breaks, a tab, escapes, C1, bidirectional overrides, and what is no text.
const Hostile = "x\r\n\ty\x1b[2J\x1b]0;t\a\x7f\u0085\u009b31m\u202e\u2066\u2028\u200fz"

// Shown checks that output is what a terminal shows as it is, in whole lines.
func Shown(t *testing.T, output string) {
	t.Helper()
	for line := range strings.Lines(output) {
		line = strings.TrimSuffix(line, "\n")
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsGraphic(r) }) {
			t.Errorf("this reaches a terminal: %q", line)
		}
	}
}

// Withstands checks that what show prints of a V is safe for a terminal, and has as
// many lines, whatever its texts are: each string in it is hostile once, whichever
// they are and will be. It must print them.
func Withstands[V any](t *testing.T, show func(*cli.App, V)) {
	t.Helper()
	lines := func(text string) int {
		var v V
		fill(reflect.ValueOf(&v).Elem(), text, 0)
		var out bytes.Buffer
		show(cli.NewApp(cli.Streams{Out: &out, Err: &out}), v)
		Shown(t, out.String())
		if !strings.Contains(out.String(), cleanStart(text)) {
			t.Errorf("the texts of a %T are not in the output:\n%s", v, out.String())
		}
		return strings.Count(out.String(), "\n")
	}
	harmless, hostile := lines("harmless"), lines(Hostile)
	if harmless != hostile {
		t.Errorf("it takes %d lines, and %d with hostile text", harmless, hostile)
	}
}

func cleanStart(text string) string {
	if text == Hostile {
		return "[2J" // However its escape is written.
	}
	return text
}

// deepest bounds what refers to itself.
const deepest = 8

// fill makes every text in v that one, lists and maps one long, and numbers 1.
func fill(v reflect.Value, text string, depth int) {
	if depth > deepest || !v.CanSet() {
		return
	}
	if m, ok := v.Interface().(proto.Message); ok {
		if m = m.ProtoReflect().New().Interface(); true {
			FillMessage(m.ProtoReflect(), text)
			v.Set(reflect.ValueOf(m))
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text, depth+1)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(text))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text, depth+1)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text, depth+1)
		fill(value, text, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text, depth+1)
		}
	}
}

// FillMessage sets every text in a message, and one entry in each list and map.
func FillMessage(m protoreflect.Message, text string) { fillMessage(m, text, 0) }

func fillMessage(m protoreflect.Message, text string, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case depth > 4:
		case f.IsMap():
			key := protoreflect.ValueOf(text).MapKey()
			if f.MapKey().Kind() != protoreflect.StringKind {
				continue
			}
			value := m.Mutable(f).Map().NewValue()
			if f.MapValue().Kind() == protoreflect.MessageKind {
				fillMessage(value.Message(), text, depth+1)
			} else {
				value = scalar(f.MapValue(), text, value)
			}
			m.Mutable(f).Map().Set(key, value)
		case f.IsList():
			value := m.Mutable(f).List().NewElement()
			if f.Kind() == protoreflect.MessageKind {
				fillMessage(value.Message(), text, depth+1)
			} else {
				value = scalar(f, text, value)
			}
			m.Mutable(f).List().Append(value)
		case f.Kind() == protoreflect.MessageKind:
			fillMessage(m.Mutable(f).Message(), text, depth+1)
		default:
			m.Set(f, scalar(f, text, m.Get(f)))
		}
	}
}

func scalar(f protoreflect.FieldDescriptor, text string, otherwise protoreflect.Value) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(text))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(1)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(1)
	}
	return otherwise
}

// Print is what a command prints in an output mode, table or json.
func Print(t *testing.T, mode string, show func(*cli.App) error) string {
	t.Helper()
	var out, err bytes.Buffer
	command := func(a *cli.App) *cobra.Command {
		return &cobra.Command{Use: "version", RunE: func(*cobra.Command, []string) error { return show(a) }}
	}
	code := Program{command}.Run(t.Context(), []string{"version", "-o", mode}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &err})
	if code != cli.ExitDone {
		t.Errorf("it ends with %d: %s", code, err.String())
	}
	return out.String()
}
