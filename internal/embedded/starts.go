package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Records that were deleted stay deleted. kfake keeps the start of a partition only when
// it closes: after a crash it would begin with the first batch that its files hold. So
// the start stands in a file beside them before the records are deleted, and they are
// deleted again before the first client is served.

// startName is the file of a partition's directory that holds its start, a decimal
// number. kfake does not look at it, and removes it with the partition.
const startName = "start"

// keepStart notes that a partition is about to begin at an offset.
func keepStart(dir string, start int64) error {
	path := filepath.Join(dir, startName)
	if err := os.WriteFile(path+".tmp", []byte(strconv.FormatInt(start, 10)), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// start is where the partition of a directory begins as far as deletions tell; 0 if
// nothing was deleted.
func start(dir string) (int64, error) {
	path := filepath.Join(dir, startName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	offset, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || offset < 0 {
		return 0, fmt.Errorf("%s holds %q, not the offset at which the partition begins: "+
			"remove this file, and records that were deleted are there again", path, text)
	}
	return offset, nil
}

// restoreStarts deletes again what a crash has brought back.
func restoreStarts(c *kfake.Cluster, dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "partitions", "*", startName))
	if err != nil {
		return fmt.Errorf("look for deleted records: %w", err)
	}
	for _, path := range found {
		if err := restoreStart(c, filepath.Dir(path)); err != nil {
			return fmt.Errorf("delete again what was deleted of %s: %w", filepath.Base(filepath.Dir(path)), err)
		}
	}
	return nil
}

func restoreStart(c *kfake.Cluster, dir string) error {
	topic, partition, ok := partitionOf(filepath.Base(dir))
	if !ok {
		return nil // kfake does not read it either.
	}
	is := c.PartitionInfo(topic, partition)
	if is == nil {
		return nil
	}
	begins, err := start(dir)
	if err != nil {
		return err
	}
	// A log that has lost its tail may end before its start, and goes on at its end.
	if begins > is.HighWatermark {
		begins = is.HighWatermark
		if err := keepStart(dir, begins); err != nil {
			return err
		}
	}
	if begins <= is.LogStartOffset {
		return nil
	}
	return c.DeleteRecords(topic, partition, begins)
}

// partitionOf is what partitionDir made the name of a directory of.
func partitionOf(name string) (topic string, partition int32, ok bool) {
	dash := strings.LastIndexByte(name, '-')
	if dash < 0 {
		return "", 0, false
	}
	topic, err1 := url.PathUnescape(name[:dash])
	n, err2 := strconv.ParseInt(name[dash+1:], 10, 32)
	return topic, int32(n), err1 == nil && err2 == nil
}
