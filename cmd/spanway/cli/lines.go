package cli

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// MaxLine bounds a line of a file, in bytes with its end. No line that may be a record is
// longer, even if all of it is written as \uXXXX where it need not be.
const MaxLine = 2 * events.MaxRecordBytes

// Lines reads a text line by line. A line that is longer than MaxLine is refused and
// passed over, and not kept in memory; the lines after it are read.
type Lines struct {
	in *bufio.Reader
	// Number of the line that was read, from 1.
	Number int
	// Bytes of that line, with its end.
	Bytes int
	// Text of that line, without space around it; valid until the next.
	Text []byte
	// Err is what ended the reading, if it was not the end of the text.
	Err error
}

// NewLines returns a reader of the lines of a text.
func NewLines(in io.Reader) *Lines { return &Lines{in: bufio.NewReaderSize(in, MaxLine)} }

// Next reads a line. It reports whether there was one. refused is the reason why that
// line is refused whatever it says; its text is then only how it begins.
func (l *Lines) Next() (refused *client.Refused, ok bool) {
	text, err := l.in.ReadSlice('\n')
	l.Number, l.Bytes, l.Text = l.Number+1, len(text), trim(text)
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, l.more(err)
	}
	l.Text = bytes.Clone(l.Text[:min(len(l.Text), 100)])
	for errors.Is(err, bufio.ErrBufferFull) {
		text, err = l.in.ReadSlice('\n')
		l.Bytes += len(text)
	}
	bad := events.Refuse(events.CodeTooLarge, "a line of %d bytes; at most %d are allowed", l.Bytes, MaxLine)
	return &client.Refused{Code: bad.Code, Message: bad.Message}, l.more(err)
}

// more reports whether something was read before err.
func (l *Lines) more(err error) bool {
	if err != nil && !errors.Is(err, io.EOF) {
		l.Err = err
		return false
	}
	return l.Bytes > 0
}

// trim takes off space, and the byte order mark that some tools write before a text:
// in joined files, it is before other lines than the first, too.
func trim(line []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
}
