package verify

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/kafka/segments"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// files are the logs in the files of brokers.
type files struct {
	*query.Querier
	dir    *segments.Dir
	prefix string
}

func openFiles(dirs []string, prefix string) (*files, error) {
	dir, err := segments.Open(dirs...)
	if errors.As(err, new(*segments.Empty)) || errors.Is(err, fs.ErrNotExist) {
		return nil, cli.Misuse(err)
	}
	if err != nil {
		return nil, err
	}
	return &files{query.New(query.Config{Logs: dir, Prefix: prefix}), dir, prefix}, nil
}

// Scan implements deployment. Logs that are judged are never compacted, so that each has
// all its files, or what is missing would be passed over.
func (f *files) Scan(ctx context.Context, topic string, partition int32, see func(*events.Record) error) error {
	if err := f.dir.Whole(topic, partition); err != nil {
		return err
	}
	return f.Querier.Scan(ctx, topic, partition, see)
}

// Offsets implements deployment.
func (f *files) Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	return f.dir.Offsets(ctx, topic, partition)
}

// ListTopics implements deployment.
func (f *files) ListTopics(context.Context) (out []client.TopicInfo, _ error) {
	for _, t := range f.dir.Topics() {
		if strings.HasPrefix(t.Name, f.prefix) {
			out = append(out, client.TopicInfo{Name: t.Name, Partitions: t.Partitions})
		}
	}
	return out, nil
}

// Check implements deployment: no logs under the prefix is what judge tells.
func (f *files) Check(context.Context) error { return nil }
