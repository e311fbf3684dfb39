package cli

import (
	"fmt"
	"io"

	"github.com/spanway/spanway/internal/document"
)

// mostBytes of a document are read.
const mostBytes = 4 << 20

// Document reads a file in YAML or JSON into a struct; - is standard input. It returns the name
// by which to tell of it.
func (a *App) Document(stdin io.Reader, path string, into any) (name string, err error) {
	data, name, err := a.Read(stdin, path)
	if err != nil {
		return name, err
	}
	if err := document.Decode(data, into); err != nil {
		return name, Usage("read %s: %w", name, err)
	}
	return name, nil
}

// Read reads a file whole; - is standard input. It returns the name by which to tell of it. One
// that is too large for a document is refused.
func (a *App) Read(stdin io.Reader, path string) (data []byte, name string, err error) {
	in, name := stdin, "standard input"
	if path != "-" {
		name = path
		file, err := a.Open(path)
		if err != nil {
			return nil, name, Misuse(err)
		}
		defer func() { _ = file.Close() }() // It was only read.
		in = file
	}
	data, err = io.ReadAll(io.LimitReader(in, mostBytes+1))
	switch {
	case err != nil:
		return nil, name, fmt.Errorf("read %s: %w", name, err)
	case len(data) > mostBytes:
		return nil, name, Usage("%s has more than %d bytes", name, mostBytes)
	}
	return data, name, nil
}
