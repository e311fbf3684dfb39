package segments_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/internal/kafka/segments"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// aBatch is one of records, whose values are their offsets, from an offset on.
func aBatch(t *testing.T, from int64, n int, c batch.Compression) []byte {
	t.Helper()
	records := make([]events.Record, n)
	for i := range records {
		records[i] = events.Record{Value: fmt.Append(nil, from+int64(i)), Headers: []events.Header{{Key: "h", Value: []byte("v")}}}
	}
	data, err := batch.Append(nil, records, c)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(data, uint64(from)) // The checksum leaves it out.
	return data
}

func write(t *testing.T, dir, name string, data ...[]byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Join(data, nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readAll reads a partition to its end.
func readAll(ctx context.Context, d *segments.Dir, topic string, n int32) (offsets []int64, err error) {
	start, end, err := d.Offsets(ctx, topic, n)
	if err != nil {
		return nil, err
	}
	log := d.Partition(topic, n)
	for next := start; next < end; {
		page, err := log.Fetch(ctx, next, 0)
		if err != nil {
			return offsets, err
		}
		if page.Next <= next || page.Start != start || page.End != end {
			return offsets, fmt.Errorf("a page from %d: next %d, the log is %d to %d", next, page.Next, page.Start, page.End)
		}
		for _, r := range page.Records {
			if string(r.Value) != fmt.Sprint(r.Offset) {
				return offsets, fmt.Errorf("at %d stands %q", r.Offset, r.Value)
			}
			offsets = append(offsets, r.Offset)
		}
		next = page.Next
	}
	return offsets, nil
}

func upTo(from, to int64) (out []int64) {
	for ; from < to; from++ {
		out = append(out, from)
	}
	return out
}

func opened(t *testing.T, dirs ...string) *segments.Dir {
	t.Helper()
	d, err := segments.Open(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPartitionsAreReadFromFiles(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	first, second, third := aBatch(t, 0, 3, batch.None), aBatch(t, 3, 2, batch.Zstd), aBatch(t, 7, 4, batch.Gzip)
	write(t, dir, "a.b-0/00000000000000000000.log", first, second)
	write(t, dir, "a.b-0/00000000000000000007.log", third)
	write(t, dir, "a.b-0/00000000000000000007.index", []byte("no segment"))
	write(t, dir, "a.b-1/00000000000000000000.log", first, second[:70]) // Torn.
	write(t, dir, "a.b-2/00000000000000000000.log", first, second)
	write(t, dir, "a.b-3/00000000000000000000.log")
	write(t, other, "a.b-2/00000000000000000000.log", first)
	write(t, dir, "log-start-offset-checkpoint", []byte("0\n1\na.b 0 2\n"))
	write(t, dir, "emb-edded-0/0.dat", first, second)
	write(t, dir, "emb-edded-0/snapshot.json", []byte(`{"log_start_offset":1,"high_watermark":3}`))
	write(t, dir, "emb-edded-1/snapshot.json", []byte(`{"log_start_offset":4,"high_watermark":4}`))
	write(t, dir, "no-number/0.dat", first)
	write(t, dir, "meta.properties", []byte("version=1"))
	d := opened(t, other, dir)
	if got, want := d.Topics(), []segments.Topic{{Name: "a.b", Partitions: 4}, {Name: "emb-edded", Partitions: 2}}; !slices.Equal(got, want) {
		t.Fatalf("topics are %v, want %v", got, want)
	}
	for _, c := range []struct {
		topic string
		n     int32
		want  []int64
	}{
		{"a.b", 0, append(upTo(2, 5), upTo(7, 11)...)},
		{"a.b", 1, upTo(0, 3)},
		{"a.b", 2, upTo(0, 5)}, // Of two replicas that with more.
		{"a.b", 3, nil},
		{"emb-edded", 0, upTo(1, 5)},
		{"emb-edded", 1, nil},
	} {
		if got, err := readAll(t.Context(), d, c.topic, c.n); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s/%d: read %v, %v; want %v", c.topic, c.n, got, err, c.want)
		}
	}
	log := d.Partition("a.b", 0)
	for _, from := range []int64{9, 3, 5, 10, 2} { // Anywhere, not one behind the other.
		page, err := log.Fetch(t.Context(), from, 0)
		if want := max(from, 0); err != nil || len(page.Records) == 0 || page.Records[0].Offset < want || from != 5 && page.Records[0].Offset != want {
			t.Errorf("from %d: read %+v, %v", from, page, err)
		}
	}
	for _, from := range []int64{1, 12} {
		_, err := log.Fetch(t.Context(), from, 0)
		if start, end, ok := eventlog.OutOfRange(err); !ok || start != 2 || end != 11 {
			t.Errorf("from %d: %v", from, err)
		}
	}
	if page, err := log.Fetch(t.Context(), 11, 0); err != nil || len(page.Records) != 0 || page.Next != 11 {
		t.Errorf("from the end: %+v, %v", page, err)
	}
}

// Batches of aborted transactions are left out, as a broker leaves them out.
func TestAbortedTransactionsAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	transactional := func(from, producer int64) []byte {
		b := aBatch(t, from, 1, batch.None)
		const atAttributes = 21
		binary.BigEndian.PutUint16(b[atAttributes:], 0x10)
		batch.Stamp(b, batch.Producer{ID: producer}) // With its checksum.
		return b
	}
	write(t, dir, "t-0/0.log", transactional(0, 7), transactional(1, 8), transactional(2, 7), transactional(3, 7))
	index := make([]byte, 34)
	for i, v := range []uint64{7, 0, 2, 3} {
		binary.BigEndian.PutUint64(index[2+8*i:], v)
	}
	write(t, dir, "t-0/0.txnindex", index)
	if got, err := readAll(t.Context(), opened(t, dir), "t", 0); err != nil || !slices.Equal(got, []int64{1, 3}) {
		t.Errorf("read %v, %v", got, err)
	}
}

// What opens to more than is read at once is read in pieces, and what cannot be opened is
// one record that says so.
func TestLargeAndSpoiledBatches(t *testing.T) {
	dir := t.TempDir()
	records := make([]events.Record, 40)
	for i := range records {
		records[i] = events.Record{Value: make([]byte, 1<<20)}
	}
	large, err := batch.Append(nil, records, batch.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	spoiled := aBatch(t, 40, 2, batch.Gzip)
	spoiled[batch.HeaderSize] ^= 0xff
	batch.Stamp(spoiled, batch.NoProducer)
	last := aBatch(t, 42, 1, batch.None)
	write(t, dir, "t-0/0.log", large, spoiled, last)
	d := opened(t, dir)
	log, n, most := d.Partition("t", 0), 0, 0
	for next := int64(0); next < 43; {
		page, err := log.Fetch(t.Context(), next, 0)
		if err != nil || page.Next <= next {
			t.Fatalf("from %d: %+v, %v", next, page, err)
		}
		n, most, next = n+len(page.Records), max(most, len(page.Records)), page.Next
	}
	if n != 42 || most > 8 {
		t.Errorf("read %d records, at most %d at once", n, most)
	}
	last[len(last)-1] ^= 1
	write(t, dir, "t-0/0.log", large, spoiled, last)
	if _, err := d.Partition("t", 0).Fetch(t.Context(), 42, 0); !errors.Is(err, batch.ErrCorrupt) || !strings.Contains(err.Error(), "0.log at byte") {
		t.Errorf("of a batch whose checksum is wrong: %v", err)
	}
}

// What is damaged is an error, or what is behind it would be passed over in silence.
func TestDamageIsFound(t *testing.T) {
	first, second, third := aBatch(t, 0, 3, batch.None), aBatch(t, 3, 2, batch.None), aBatch(t, 5, 4, batch.None)
	long := slices.Clone(second)
	long[8] = 0x7f // Its length, which no checksum covers.
	for name, c := range map[string]struct {
		files map[string][][]byte
		want  string
	}{
		"a file that is torn, not the last": {map[string][][]byte{"0.log": {first, second[:70]}, "5.log": {third}}, "0.log at byte"},
		"a length, not in the last file":    {map[string][][]byte{"0.log": {first, long}, "5.log": {third}}, "0.log at byte"},
		"a length in the last file":         {map[string][][]byte{"0.log": {first, long, third}}, "noted that it ends at 9"},
		"the last file is missing":          {map[string][][]byte{"0.log": {first, second}}, "noted that it ends at 9"},
		"a file in between is missing":      {map[string][][]byte{"0.log": {first}, "5.log": {third}}, "offsets 3 to 4 are missing"},
		"nothing":                           {map[string][][]byte{"0.log": {first, second}, "5.log": {third}}, ""},
	} {
		dir := t.TempDir()
		for file, data := range c.files {
			write(t, dir, "t-0/"+file, data...)
		}
		write(t, dir, "replication-offset-checkpoint", []byte("0\n1\nt 0 9\n"))
		d, err := segments.Open(dir)
		if err == nil {
			err = d.Whole("t", 0)
		}
		if found := errors.Is(err, batch.ErrCorrupt) && strings.Contains(err.Error(), c.want); found != (c.want != "") || (err != nil) != found {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Of two replicas that is read which a later leader wrote last, also if the other has more.
func TestTheReplicaOfTheLatestLeaderIsRead(t *testing.T) {
	late, early := t.TempDir(), t.TempDir()
	led := func(b []byte, epoch uint32) []byte {
		binary.BigEndian.PutUint32(b[12:], epoch) // The checksum leaves it out.
		return b
	}
	write(t, early, "t-0/0.log", led(aBatch(t, 0, 3, batch.None), 1), led(aBatch(t, 3, 6, batch.None), 1))
	write(t, late, "t-0/0.log", led(aBatch(t, 0, 3, batch.None), 1), led(aBatch(t, 3, 2, batch.None), 2))
	for _, dirs := range [][]string{{early, late}, {late, early}} {
		if got, err := readAll(t.Context(), opened(t, dirs...), "t", 0); err != nil || len(got) != 5 {
			t.Errorf("read %v, %v", got, err)
		}
	}
}

// A partition that an embedded broker has noted and never written to has no directory once
// the broker was killed: it is empty. What Apache Kafka has no directory of is missing.
func TestAKilledEmbeddedBrokerHasPartitionsWithoutDirectories(t *testing.T) {
	dir := t.TempDir()
	noted := []byte(`{"version":1,"topics":[{"name":"t","id":"AAAA","partitions":3,"replicas":1},{"name":"unwritten","partitions":2}]}`)
	write(t, dir, "topics.json", noted)
	if got, want := opened(t, dir).Topics(), []segments.Topic{{Name: "t", Partitions: 3}, {Name: "unwritten", Partitions: 2}}; !slices.Equal(got, want) {
		t.Errorf("before the first record the topics are %v, want %v", got, want)
	}
	write(t, dir, "meta.json", []byte(`{"version":1,"cluster_id":"c"}`))
	write(t, dir, "partitions/t-1/0.dat", aBatch(t, 0, 3, batch.None))
	if err := os.MkdirAll(filepath.Join(dir, "partitions", "t-2"), 0o700); err != nil {
		t.Fatal(err)
	}
	d := opened(t, dir)
	if got, want := d.Topics(), []segments.Topic{{Name: "t", Partitions: 3}, {Name: "unwritten", Partitions: 2}}; !slices.Equal(got, want) {
		t.Fatalf("topics are %v, want %v", got, want)
	}
	for n, want := range []int{0, 3, 0} {
		got, err := readAll(t.Context(), d, "t", int32(n))
		if err == nil {
			err = d.Whole("t", int32(n))
		}
		if err != nil || len(got) != want {
			t.Errorf("partition %d has %v, %v; want %d records", n, got, err, want)
		}
	}
	empty := d.Partition("t", 0)
	if page, err := empty.Fetch(t.Context(), 0, 0); err != nil || len(page.Records) != 0 || page.Next != 0 {
		t.Errorf("read %+v of an empty one, %v", page, err)
	}
	if _, _, err := eventlog.Bounds(t.Context(), empty); err != nil {
		t.Error(err)
	}
	if _, _, err := d.Offsets(t.Context(), "t", 3); err == nil || !strings.Contains(err.Error(), "all brokers") {
		t.Errorf("of a partition that was not noted: %v", err)
	}
	for _, bad := range []string{`{"topics":[{"name":"t","partitions":2000000000}]}`, `{"topics":[{"name":"t","partitions":-1}]}`, `{"topics":[{"partitions":1}]}`, `{`} {
		write(t, dir, "topics.json", []byte(bad))
		if _, err := segments.Open(dir); err == nil || !strings.Contains(err.Error(), "topics.json") {
			t.Errorf("of %s: %v", bad, err)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	if _, err := segments.Open(t.TempDir()); !errors.As(err, new(*segments.Empty)) || !strings.Contains(err.Error(), "log.dirs") {
		t.Error(err)
	}
	if _, err := segments.Open(filepath.Join(t.TempDir(), "x")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	dir := t.TempDir()
	write(t, dir, "t-1/0.log", aBatch(t, 0, 1, batch.None))
	d := opened(t, dir)
	if _, _, err := d.Offsets(t.Context(), "t", 0); err == nil || !strings.Contains(err.Error(), "all brokers") {
		t.Error(err)
	}
	if _, err := d.Partition("t", 0).Fetch(t.Context(), 0, 0); err == nil || !strings.Contains(err.Error(), "all brokers") {
		t.Error(err)
	}
	if _, err := d.Partition("t", 1).Append(t.Context(), nil); err == nil {
		t.Error("it was written to")
	}
	write(t, dir, "u-0/0.log", []byte("no batch at all, but more than one header long, so that a length is read from it: 0123456789"))
	if got, err := readAll(t.Context(), opened(t, dir), "u", 0); err != nil || len(got) != 0 {
		t.Errorf("of what is no batch: %v, %v", got, err) // Its length is beyond the file: it is torn.
	}
	write(t, dir, "u-0/0.log", []byte("no batch"), []byte{0, 0, 0, 9}, make([]byte, 60))
	if _, err := segments.Open(dir); !errors.Is(err, batch.ErrCorrupt) {
		t.Errorf("of a length below that of a header: %v", err)
	}
	write(t, dir, "u-0/0.log", aBatch(t, 0, 2, batch.None), make([]byte, 1000)) // A file may be larger than what it holds.
	if got, err := readAll(t.Context(), opened(t, dir), "u", 0); err != nil || len(got) != 2 {
		t.Errorf("of a file with room: %v, %v", got, err)
	}
}
