package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A partition whose records were all deleted keeps its end: the next record gets the
// offset behind the last one that there ever was. kfake finds the end by the records
// that are left, and by its snapshot.json only beside a file of records. So an empty
// file of records is left, whose name is the end, and before kfake reads a directory
// without records it is given a snapshot that names this file.

// keepBounds notes, before records of a partition are deleted, where it begins, unless
// starts are not to be kept, and, if all are, the file that names its end.
func keepBounds(c *kfake.Cluster, dir string, starts bool, failed *gate) {
	c.ControlKey(int16(kmsg.DeleteRecords), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, t := range r.(*kmsg.DeleteRecordsRequest).Topics {
			for _, p := range t.Partitions {
				// kfake handles no other request meanwhile: these are its bounds, still when it deletes.
				is := c.PartitionInfo(t.Topic, p.Partition)
				if is == nil || is.Leader != c.CurrentNode() {
					continue // kfake refuses it.
				}
				if err := keepBoundsOf(partitionDir(dir, t.Topic, p.Partition), is, p.Offset, starts); err != nil {
					failed.fail(err)
					return nil, err, true
				}
			}
		}
		return nil, nil, false
	})
}

// keepBoundsOf does so for records below an offset, or all if that is -1.
func keepBoundsOf(dir string, is *kfake.PartitionInfo, below int64, starts bool) error {
	if below == -1 {
		below = is.HighWatermark
	}
	if below <= is.LogStartOffset || below > is.HighWatermark {
		return nil // Nothing is deleted.
	}
	if starts {
		if err := keepStart(dir, below); err != nil {
			return err
		}
	}
	if below < is.HighWatermark {
		return nil
	}
	return touch(segment(dir, below))
}

// restoreEnds prepares the partitions of dir that hold no record.
func restoreEnds(dir string) error {
	parts, err := os.ReadDir(filepath.Join(dir, "partitions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the ends of empty partitions: %w", err)
	}
	for _, p := range parts {
		if !p.IsDir() {
			continue
		}
		if err := restoreEnd(filepath.Join(dir, "partitions", p.Name())); err != nil {
			return fmt.Errorf("restore the end of the empty partition %s: %w", p.Name(), err)
		}
	}
	return nil
}

// restoreEnd may be interrupted after any step: the file that names the end is made
// first, and what else is there is removed last.
func restoreEnd(dir string) error {
	bases, err := segments(dir)
	if err != nil {
		return err
	}
	end, snapshot := int64(0), map[string]any{}
	for _, base := range bases {
		if has, err := holdsRecords(segment(dir, base)); has || err != nil {
			return err
		}
		end = max(end, base)
	}
	if err := readSnapshot(dir, snapshot); err != nil {
		return err
	}
	begins, err := start(dir)
	if err != nil {
		return err
	}
	if end = max(end, begins, number(snapshot["high_watermark"])); end == 0 {
		return nil
	}
	if err := os.WriteFile(segment(dir, end), nil, 0o644); err != nil { // It may hold half a batch.
		return err
	}
	snapshot["version"] = 1
	for _, name := range []string{"high_watermark", "last_stable_offset", "log_start_offset"} {
		snapshot[name] = end
	}
	snapshot["segments"] = []any{map[string]any{"base_offset": end, "size": 0}}
	if err := writeSnapshot(dir, snapshot); err != nil {
		return err
	}
	for _, base := range bases {
		if base == end {
			continue
		}
		if err := os.Remove(segment(dir, base)); err != nil {
			return err
		}
	}
	return nil
}

// segments are the offsets that files of records are named after.
func segments(dir string) (bases []int64, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".dat"); ok {
			if base, err := strconv.ParseInt(name, 10, 64); err == nil {
				bases = append(bases, base)
			}
		}
	}
	return bases, err
}

// holdsRecords tells whether a file begins with a batch that is whole: a crash may
// leave half of one, which kfake drops.
func holdsRecords(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	// The offset, the length of what follows, the leader epoch, the magic byte, the CRC
	// of what follows.
	var head [21]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}
		return false, err
	}
	size := 12 + int64(binary.BigEndian.Uint32(head[8:]))
	if size < int64(len(head)) || size > info.Size() {
		return false, nil
	}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if _, err := io.CopyN(sum, f, size-int64(len(head))); err != nil {
		return false, err
	}
	return sum.Sum32() == binary.BigEndian.Uint32(head[17:]), nil
}

// readSnapshot reads what kfake knew of a partition when it closed. What it cannot
// read, kfake does not use either.
func readSnapshot(dir string, into map[string]any) error {
	b, err := os.ReadFile(filepath.Join(dir, "snapshot.json"))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	if err := d.Decode(&into); err != nil {
		clear(into)
	}
	return nil
}

func writeSnapshot(dir string, snapshot map[string]any) error {
	b, err := json.Marshal(snapshot)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "snapshot.json")
	if err := os.WriteFile(path+".tmp", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func number(v any) int64 {
	n, _ := v.(json.Number)
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return i
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

func partitionDir(dir, topic string, partition int32) string {
	return filepath.Join(dir, "partitions", fmt.Sprintf("%s-%d", url.PathEscape(topic), partition))
}

func segment(dir string, base int64) string {
	return filepath.Join(dir, strconv.FormatInt(base, 10)+".dat")
}
