package queue

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// addition is what enqueue is to put in.
type addition struct {
	id, contentType string
	ndjson          bool
	payload         string
	one             bool // all of the input, or the payload, is one entry
}

func enqueue(a *cli.App) *cobra.Command {
	var add addition
	c := &cobra.Command{
		Use:   "enqueue NAME [FILE]...",
		Short: "Put entries in: each line of standard input or of files",
		Long: `Put entries into a queue. Each line of the files, or of standard input if none is
named, is what one entry holds, and gets an ID of its own. With --id all of the
input is one entry, and with --payload what that says. With --ndjson each line is an
object:

  {"id": "a1", "payload": "text"}
  {"id": "a2", "payloadJson": {"w": 640}, "payloadType": "application/json"}
  {"payloadBase64": "AAE="}

Each has an id or a payload at least, and no field twice. Space around a line is dropped, and empty lines are passed over; use --ndjson for what
they matter to. IDs are UUIDs, or of a queue with --ids space numbers that an allocator
grants; what is left of them is returned at the end. An entry whose ID the queue holds
is not put in again: if it holds the same payload and type, that is said and is no
error, so repeat what may have failed; if it holds others it is refused
(DUPLICATE_ENTRY). One bad line does not stop the others. When it is interrupted it
waits up to 5s for what it has sent, and says of which lines it does not know whether
they are there.`,
		Example: `  spanway queue enqueue orders --payload 'order 1'
  printf 'one\ntwo\n' | spanway queue enqueue orders
  spanway queue enqueue orders --id 2026-11 < report.pdf`,
		Args: cli.Some("name of a queue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			add.one = add.id != "" || cmd.Flags().Changed("payload")
			if cmd.Flags().Changed("payload") {
				if len(args) > 1 || add.ndjson {
					return cli.Usage("--payload is the one entry; give it, or files or --ndjson")
				}
				if name, ok := strings.CutPrefix(add.payload, "@"); ok {
					args, add.payload = append(args, name), "-"
				}
			}
			if add.ndjson && (add.id != "" || add.contentType != "") {
				return cli.Usage("--ndjson takes IDs and types from the lines; give --id and --type without it")
			}
			if add.id == "" && cmd.Flags().Changed("id") {
				return cli.Usage("--id is empty: give the ID of the entry, or leave --id out: each line is then an entry")
			}
			return openedOn(cmd.Context(), a, args[0], cli.Instance(), func(ctx context.Context, c *cluster.Cluster, q *queue.Queue) error {
				numbers, err := numbersFor(ctx, a, c, q)
				if err != nil {
					return err
				}
				put := add.files
				if add.one {
					put = add.whole
				}
				return errors.Join(put(ctx, a, q, numbers, args[1:]), numbers.close())
			})
		},
	}
	c.Flags().StringVar(&add.id, "id", "", "all of the input is one entry, with this ID")
	c.Flags().StringVar(&add.payload, "payload", "-", "one entry that holds this: text, @FILE, or - for standard input")
	c.Flags().StringVar(&add.contentType, "type", "", "the type of what they hold, as in content-type")
	c.Flags().BoolVar(&add.ndjson, "ndjson", false, "each line is a JSON object with id and payload")
	return c
}

// each reads the files one after the other, or standard input if there are none.
func each(ctx context.Context, a *cli.App, names []string, read func(name string, in io.Reader) error) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		if name == "-" {
			if err := read("standard input", cli.Until(ctx, a.In)); err != nil {
				return err
			}
			continue
		}
		f, err := a.Open(name)
		if err != nil {
			return cli.Usage("read what is to be put in: %w", err)
		}
		err = read(name, f)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// whole puts all of the input, or the payload that was given, in as one entry.
func (add *addition) whole(ctx context.Context, a *cli.App, q *queue.Queue, numbers *numbers, names []string) error {
	var all bytes.Buffer
	beyond := int64(0) // bytes that were read and are not kept
	read := func(name string, in io.Reader) error {
		_, err := io.Copy(&all, io.LimitReader(in, queue.MaxEntryBytes-int64(all.Len())))
		if err == nil {
			var n int64
			n, err = io.Copy(io.Discard, in)
			beyond += n
		}
		if err != nil {
			return cli.Usage("read %s: %w", name, err)
		}
		return nil
	}
	var err error
	if add.payload == "-" {
		err = each(ctx, a, names, read)
	} else {
		err = read("--payload", strings.NewReader(add.payload))
	}
	if err != nil {
		return err
	}
	if beyond > 0 {
		what := "enqueue the payload" // No ID was made yet.
		if add.id != "" {
			what = fmt.Sprintf("enqueue %.99q", add.id)
		}
		return &queue.Refused{Queue: q.Name(), What: what, ID: add.id, Code: events.CodeTooLarge,
			Detail: fmt.Sprintf("the payload has %d bytes; at most %d are allowed", int64(all.Len())+beyond, queue.MaxEntryBytes)}
	}
	t := newTally(a, q)
	t.whole, t.numbers = true, numbers
	if numbers != nil {
		numbers.one = true
	}
	err = t.start(ctx, origin{file: "the input"}, queue.Item{ID: add.id, Payload: all.Bytes(), Type: add.contentType})
	t.await(ctx)
	t.compare(ctx)
	return t.summary(cmp.Or(err, ctx.Err()))
}

// placed is an entry as enqueue prints it, with the line that it comes from.
type placed struct {
	entryView
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

func printPlace(a *cli.App, e queue.Entry, creation uint64, from origin) error {
	if a.JSON() {
		v := placed{entryView: viewEntry(e, creation)}
		if from.line > 0 {
			v.File, v.Line = from.file, from.line
		}
		return a.Object(v)
	}
	return a.Printf("%s\n", e.ID)
}

// files puts each line in.
func (add *addition) files(ctx context.Context, a *cli.App, q *queue.Queue, numbers *numbers, names []string) error {
	t := newTally(a, q)
	t.numbers = numbers
	err := each(ctx, a, names, func(name string, in io.Reader) error { return add.lines(ctx, t, name, in) })
	t.await(ctx)
	t.compare(ctx)
	return t.summary(err)
}

// lines puts each line of a file in; empty ones are passed over.
func (add *addition) lines(ctx context.Context, t *tally, name string, in io.Reader) error {
	l := cli.NewLines(in)
	for ctx.Err() == nil {
		refused, ok := l.Next()
		if !ok {
			break
		}
		from := origin{name, l.Number}
		switch {
		case refused != nil:
			t.bad(from, &queue.Refused{Queue: t.queue.Name(), What: "enqueue", Code: refused.Code, Detail: refused.Message})
			continue
		case len(l.Text) == 0:
			continue
		}
		item, bad := add.item(l.Text)
		if bad != "" {
			t.bad(from, &queue.Refused{Queue: t.queue.Name(), What: "enqueue", Code: events.CodeBadData, Detail: bad})
			continue
		}
		if err := t.start(ctx, from, item); err != nil {
			return err
		}
	}
	if l.Err != nil && ctx.Err() == nil {
		return cli.Usage("read line %d of %s: %w", l.Number, name, l.Err)
	}
	return ctx.Err()
}

// line is an object of --ndjson.
type line struct {
	ID, Payload *string
	JSON        json.RawMessage
	Base64      []byte
	Type        string
	// As list prints them.
	Base64Too []byte
	TypeToo   string
}

// fields are those of a line, by the names that they have, and no others.
func (l *line) fields() map[string]any {
	return map[string]any{
		"id": &l.ID, "payload": &l.Payload, "payloadJson": &l.JSON, "payloadBase64": &l.Base64, "payloadType": &l.Type,
		"payload_base64": &l.Base64Too, "payload_type": &l.TypeToo,
	}
}

// read reads a line that begins an object, and says what is wrong with it.
func (l *line) read(text []byte) (bad string) {
	d := json.NewDecoder(bytes.NewReader(text))
	_, err := d.Token()
	for left := l.fields(); err == nil && d.More(); {
		var name json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		to, ok := left[name.(string)]
		if !ok {
			if _, known := l.fields()[name.(string)]; known {
				return fmt.Sprintf("the line has %s twice", name)
			}
			return fmt.Sprintf("the line has %.99q: the fields are id, payload, payloadJson, payloadBase64 and payloadType", name)
		}
		delete(left, name.(string))
		err = d.Decode(to)
		var other *json.UnmarshalTypeError
		if errors.As(err, &other) {
			return fmt.Sprintf("%s of the line is a value of type %s; give text", name, other.Value)
		}
		var corrupt base64.CorruptInputError
		if errors.As(err, &corrupt) {
			return fmt.Sprintf("%s of the line is not base64", name)
		}
	}
	if err == nil {
		_, err = d.Token()
	}
	if err != nil {
		return fmt.Sprintf("the line is not a JSON object: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "something follows the object on its line"
	}
	return ""
}

// item is what a line asks for, or what is wrong with it.
func (add *addition) item(text []byte) (item queue.Item, bad string) {
	if !add.ndjson {
		return queue.Item{Payload: bytes.Clone(text), Type: add.contentType}, ""
	}
	if !bytes.HasPrefix(text, []byte("{")) || !utf8.Valid(text) {
		return queue.Item{}, "the line is not a JSON object in UTF-8: give one a line, as jq -c . FILE writes them"
	}
	var l line
	if bad := l.read(text); bad != "" {
		return queue.Item{}, bad
	}
	item = queue.Item{Type: cmp.Or(l.Type, l.TypeToo), Payload: l.Base64}
	if l.ID != nil {
		item.ID = *l.ID
	}
	given := 0
	for _, is := range []bool{l.Payload != nil, l.JSON != nil, l.Base64 != nil, l.Base64Too != nil} {
		if is {
			given++
		}
	}
	switch {
	case l.ID != nil && *l.ID == "":
		return queue.Item{}, "the id is empty; leave it out, and the entry gets one of its own"
	case given == 0 && l.ID == nil:
		return queue.Item{}, "neither an id nor a payload: give one; the payload may be empty"
	case given > 1:
		return queue.Item{}, "payload, payloadJson and payloadBase64: give one"
	case l.Base64Too != nil:
		item.Payload = l.Base64Too
	case l.Payload != nil:
		item.Payload = []byte(*l.Payload)
	case l.JSON != nil:
		item.Payload = l.JSON
		if item.Type == "" {
			item.Type = events.ContentJSON
		}
	}
	return item, ""
}
