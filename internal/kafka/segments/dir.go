package segments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Dir are the partitions in directories of brokers. It is safe for concurrent use.
type Dir struct {
	topics map[string]map[int32]*partition
	// in names the directories, for errors.
	in string
}

// Topic is one of which there are partitions.
type Topic struct {
	Name string
	// Partitions is one more than the highest number: some below may be missing.
	Partitions int32
}

// Empty says that no partition is in the directories.
type Empty struct{ in string }

func (e *Empty) Error() string {
	return fmt.Sprintf("there is no partition in %s: give a directory of log.dirs of Apache Kafka, or that of spanway dev --data: with directories TOPIC-NUMBER", e.in)
}

// Open finds the partitions in directories. Several are those of several disks or brokers:
// of a partition that is in more than one, that of the latest leader epoch is read, and of
// these that with the most records.
func Open(dirs ...string) (*Dir, error) {
	d := &Dir{topics: map[string]map[int32]*partition{}, in: strings.Join(dirs, ", ")}
	for _, dir := range dirs {
		if err := d.add(dir); err != nil {
			return nil, fmt.Errorf("look for partitions in %s: %w", dir, err)
		}
	}
	if len(d.topics) == 0 {
		return nil, &Empty{d.in}
	}
	return d, nil
}

// add takes the partitions of one directory in.
func (d *Dir) add(dir string) error {
	made, embedded, err := created(dir)
	if err != nil {
		return err
	}
	if inner := filepath.Join(dir, "partitions"); embedded || isDir(inner) {
		dir = inner
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !(embedded && errors.Is(err, fs.ErrNotExist)) { // Nothing was written.
		return err
	}
	noted, err := notes(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		topic, n, ok := named(e)
		if !ok {
			continue
		}
		p, err := open(filepath.Join(dir, e.Name()), noted.of(e.Name()))
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		p.at = events.ClusterPartition{Cluster: noted.cluster, Topic: topic, Partition: n}
		d.take(p)
	}
	for _, t := range made { // Whatever has a directory is newer.
		for n := range t.Partitions {
			d.take(&partition{dir: dir, epoch: -1, at: events.ClusterPartition{Cluster: noted.cluster, Topic: t.Name, Partition: n}})
		}
	}
	return nil
}

// take takes a partition in, unless there is a newer replica of it.
func (d *Dir) take(p *partition) {
	topic, n := p.at.Topic, p.at.Partition
	if d.topics[topic] == nil {
		d.topics[topic] = map[int32]*partition{}
	}
	if other := d.topics[topic][n]; other == nil || p.after(other) {
		d.topics[topic][n] = p
	}
}

// created are the topics that an embedded broker has noted in its data directory. It makes
// the directory of a partition with the first record, or when it stops: one that was killed
// has none of those that are empty. embedded tells whether the directory is that of one.
func created(dir string) (all []Topic, embedded bool, err error) {
	path := filepath.Join(dir, "topics.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var noted struct {
		Topics []struct {
			Name       string `json:"name"`
			Partitions int32  `json:"partitions"`
		} `json:"topics"`
	}
	if err := json.Unmarshal(text, &noted); err != nil {
		return nil, false, fmt.Errorf("read %s, which an embedded broker wrote: %w", path, err)
	}
	for _, t := range noted.Topics {
		if t.Name == "" || t.Partitions < 0 || t.Partitions > maxPartitions {
			return nil, false, fmt.Errorf("%w: %s says that topic %q has %d partitions", batch.ErrCorrupt, path, t.Name, t.Partitions)
		}
		all = append(all, Topic(t))
	}
	return all, true, nil
}

// maxPartitions bounds what is believed of a topic.
const maxPartitions = 1 << 16

// named is the partition that a directory is named after.
func named(e fs.DirEntry) (topic string, n int32, ok bool) {
	i := strings.LastIndexByte(e.Name(), '-')
	if !e.IsDir() || i < 1 {
		return "", 0, false
	}
	number, err := strconv.ParseInt(e.Name()[i+1:], 10, 32)
	return e.Name()[:i], int32(number), err == nil && number >= 0
}

// noted is what the broker has written down beside its partitions.
type noted struct {
	cluster      string
	starts, ends map[string]int64 // by directory
}

// of is what is noted of the partition in a directory; 0 is what is not.
func (n noted) of(dir string) span { return span{n.starts[dir], n.ends[dir]} }

// notes reads what Apache Kafka notes in a directory of log.dirs, or the embedded broker
// beside it.
func notes(dir string) (n noted, err error) {
	if n.starts, err = checkpoint(filepath.Join(dir, "log-start-offset-checkpoint")); err != nil {
		return n, err
	}
	if n.ends, err = checkpoint(filepath.Join(dir, "replication-offset-checkpoint")); err != nil {
		return n, err
	}
	for _, name := range []string{"meta.properties", "../meta.json"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, err
		}
		if is := clusterID.FindSubmatch(text); is != nil {
			n.cluster = string(is[1])
		}
	}
	return n, nil
}

// clusterID finds it in the properties of Apache Kafka, or in the JSON of the embedded broker.
var clusterID = regexp.MustCompile(`(?m)(?:^cluster\.id=|"cluster_id":")([^"\s]+)`)

// checkpoint reads offsets of partitions, by their directories, as Apache Kafka writes
// them: a version, a count, and a line of topic, partition and offset for each.
func checkpoint(path string) (map[string]int64, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		if offset, err := strconv.ParseInt(fields[2], 10, 64); err == nil {
			out[fields[0]+"-"+fields[1]] = offset
		}
	}
	return out, nil
}

func isDir(path string) bool {
	is, err := os.Stat(path)
	return err == nil && is.IsDir()
}

// Topics are those of which there are partitions, by name.
func (d *Dir) Topics() (out []Topic) {
	for name, partitions := range d.topics {
		most := int32(0)
		for n := range partitions {
			most = max(most, n+1)
		}
		out = append(out, Topic{name, most})
	}
	slices.SortFunc(out, func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Offsets tells where a partition begins and ends.
func (d *Dir) Offsets(_ context.Context, topic string, n int32) (start, end int64, err error) {
	p := d.topics[topic][n]
	if p == nil {
		return 0, 0, &missing{topic, n, d.in}
	}
	return p.start, p.end, nil
}

// Whole returns an error if a file of a partition is missing: of a topic that is not
// compacted one file begins where the one before it ends.
func (d *Dir) Whole(topic string, n int32) error {
	p := d.topics[topic][n]
	if p == nil {
		return &missing{topic, n, d.in}
	}
	return p.whole()
}

// Partition is a log of its own on a partition, to read from.
func (d *Dir) Partition(topic string, n int32) eventlog.Log {
	p := d.topics[topic][n]
	if p == nil {
		return gone{&missing{topic, n, d.in}}
	}
	return &log{p: p, next: -1}
}

// missing is the error of a partition that is in none of the directories.
type missing struct {
	topic     string
	partition int32
	in        string
}

func (e *missing) Error() string {
	return fmt.Sprintf("partition %d of %s is not in %s: give the directories of all brokers", e.partition, e.topic, e.in)
}
