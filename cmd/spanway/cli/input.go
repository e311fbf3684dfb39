package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
)

// input is what a command reads: it ends with the command's context, although a read of
// a terminal or a pipe goes on until something comes.
type input struct {
	ctx    context.Context
	from   io.Reader
	start  sync.Once
	pieces chan piece
	rest   []byte
	err    error // after the rest
}

type piece struct {
	data []byte
	err  error
}

func newInput(ctx context.Context, from io.Reader) *input {
	return &input{ctx: ctx, from: from, pieces: make(chan piece)}
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (int, error) {
	in.start.Do(func() { go in.pump() })
	for len(in.rest) == 0 {
		if in.err != nil {
			return 0, in.err
		}
		select {
		case next := <-in.pieces:
			in.rest, in.err = next.data, next.err
		case <-in.ctx.Done():
			return 0, in.ctx.Err()
		}
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// pump reads ahead. One read of it may outlive the command; it ends with the process.
func (in *input) pump() {
	for {
		b := make([]byte, 64<<10)
		n, err := in.from.Read(b)
		select {
		case in.pieces <- piece{b[:n], err}:
		case <-in.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// Stat tells what the input is, if that is known.
func (in *input) Stat() (os.FileInfo, error) {
	if f, ok := in.from.(interface{ Stat() (os.FileInfo, error) }); ok {
		return f.Stat()
	}
	return nil, errors.ErrUnsupported
}

// Until reads from what may block, until ctx ends: then Read returns its error.
func Until(ctx context.Context, from io.Reader) io.Reader { return newInput(ctx, from) }

// openInput is an input that is closed.
type openInput struct {
	*input
	io.Closer
}

// Open opens a file to read. Like standard input, it may be a pipe of which nothing
// comes: opening and reading end with the command's context.
func (a *App) Open(name string) (io.ReadCloser, error) { return open(a.ctx, name) }

func open(ctx context.Context, name string) (io.ReadCloser, error) {
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := os.Open(name)
		done <- opened{f, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return nil, legible(o.err)
		}
		return openInput{newInput(ctx, o.file), o.file}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// legible quotes the name in the error of a file if it would break the line, or cannot
// be printed.
func legible(err error) error {
	var of *fs.PathError
	if !errors.As(err, &of) {
		return err
	}
	quoted := strconv.Quote(of.Path)
	if quoted == `"`+of.Path+`"` {
		return err
	}
	return &fs.PathError{Op: of.Op, Path: quoted, Err: of.Err}
}
