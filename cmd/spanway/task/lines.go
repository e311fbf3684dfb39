package task

import (
	"bytes"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

// checkForm refuses a file whose first line shows that its lines are not tasks, since
// parts of it could be taken for some.
func checkForm(l *cli.Lines, file string) error {
	switch {
	case bytes.HasPrefix(l.Text, []byte("[")):
		return cli.Usage("line %d of %s begins a JSON array: give one task a line, as jq -c '.[]' FILE writes them", l.Number, file)
	case string(l.Text) == "{":
		return cli.Usage("line %d of %s begins a JSON object that goes on in the next line: give one task a line, as jq -c . FILE writes them", l.Number, file)
	case bytes.HasPrefix(l.Text, []byte("\xff\xfe")), bytes.HasPrefix(l.Text, []byte("\xfe\xff")):
		return cli.Usage("line %d of %s is UTF-16: give UTF-8, as iconv -f UTF-16 -t UTF-8 FILE writes it", l.Number, file)
	}
	return nil
}
