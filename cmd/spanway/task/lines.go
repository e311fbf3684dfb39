package task

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// maxLine bounds a line of a file of tasks, in bytes with its end. No line that may be
// a record is longer, even if all of it is written as \uXXXX where it need not be.
const maxLine = 2 * events.MaxRecordBytes

// lines reads a text line by line. A line that is longer than maxLine is refused and
// passed over, and not kept in memory; the lines after it are read.
type lines struct {
	in     *bufio.Reader
	number int    // of the line that was read, from 1
	bytes  int    // of that line, with its end
	text   []byte // of that line, without space around it; valid until the next
	err    error  // what ended the reading, if it was not the end of the text
}

func newLines(in io.Reader) *lines { return &lines{in: bufio.NewReaderSize(in, maxLine)} }

// next reads a line. It reports whether there was one. refused is the reason why that
// line cannot be a task whatever it says; its text is then only how it begins.
func (l *lines) next() (refused *client.Refused, ok bool) {
	text, err := l.in.ReadSlice('\n')
	l.number, l.bytes, l.text = l.number+1, len(text), trim(text)
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, l.more(err)
	}
	l.text = bytes.Clone(l.text[:min(len(l.text), 100)])
	for errors.Is(err, bufio.ErrBufferFull) {
		text, err = l.in.ReadSlice('\n')
		l.bytes += len(text)
	}
	bad := events.Refuse(events.CodeTooLarge, "a line of %d bytes; at most %d are allowed", l.bytes, maxLine)
	return &client.Refused{Code: bad.Code, Message: bad.Message}, l.more(err)
}

// more reports whether something was read before err.
func (l *lines) more(err error) bool {
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
		return false
	}
	return l.bytes > 0
}

// trim takes off space, and the byte order mark that some tools write before a text:
// in joined files, it is before other lines than the first, too.
func trim(line []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
}

// checkForm refuses a file whose first line shows that its lines are not tasks, since
// parts of it could be taken for some.
func (l *lines) checkForm(file string) error {
	switch {
	case bytes.HasPrefix(l.text, []byte("[")):
		return cli.Usage("line %d of %s begins a JSON array: give one task a line, as jq -c '.[]' FILE writes them", l.number, file)
	case string(l.text) == "{":
		return cli.Usage("line %d of %s begins a JSON object that goes on in the next line: give one task a line, as jq -c . FILE writes them", l.number, file)
	case bytes.HasPrefix(l.text, []byte("\xff\xfe")), bytes.HasPrefix(l.text, []byte("\xfe\xff")):
		return cli.Usage("line %d of %s is UTF-16: give UTF-8, as iconv -f UTF-16 -t UTF-8 FILE writes it", l.number, file)
	}
	return nil
}
