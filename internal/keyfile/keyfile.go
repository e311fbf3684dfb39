// Package keyfile reads the files of a connection: passwords, keys and certificates. They
// are read again for each connection, so a read ends within a bound, whatever the name
// is: a pipe of which nothing comes, or a device that never ends.
//
// It owns nothing, and keeps nothing of what it reads.
package keyfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	// wait bounds how long a file is read, which may be a pipe of which nothing comes.
	wait = 3 * time.Second
	// maxBytes bounds a password, or the certificates of all CAs.
	maxBytes = 16 << 20
)

// Read reads a file of at most 16 MiB. A pipe that is not open for writing is empty, and
// one of which nothing comes is an error after 3 seconds.
func Read(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // or a pipe waits for its writer
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(wait)) // What is not a pipe has none, and needs none.
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("%s is a pipe of which nothing came for %v: name a file, since it is read for each connection", name, wait)
	case err == nil && len(data) > maxBytes:
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxBytes)
	}
	return data, err
}

// Password reads a password; a line break at the end of the file is no part of it. An
// empty one is an error.
func Password(name string) (string, error) {
	data, err := Read(name)
	if err != nil {
		return "", err
	}
	password := strings.TrimRight(string(data), "\r\n")
	if password == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return password, nil
}
