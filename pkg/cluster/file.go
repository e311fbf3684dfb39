package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

const (
	// fileWait bounds how long a file is read, which may be a pipe of which nothing comes.
	fileWait = 3 * time.Second
	// maxFile bounds a password, or the certificates of all CAs.
	maxFile = 16 << 20
)

// readFile reads a file. A pipe that is not open for writing is empty, and one of which
// nothing comes is an error after fileWait.
func readFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // or a pipe waits for its writer
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(fileWait)) // What is not a pipe has none, and needs none.
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("%s is a pipe of which nothing came for %v: name a file, since it is read for each connection", name, fileWait)
	case err == nil && len(data) > maxFile:
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return data, err
}
