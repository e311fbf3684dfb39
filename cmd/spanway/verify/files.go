package verify

import (
	"context"
	"strings"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/kafka/segments"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
)

// files are the logs in the files of brokers.
type files struct {
	*query.Querier
	dir    *segments.Dir
	prefix string
}

func openFiles(dirs []string, prefix string) (*files, error) {
	dir, err := segments.Open(dirs...)
	if err != nil {
		return nil, cli.Misuse(err)
	}
	return &files{query.New(query.Config{Logs: dir, Prefix: prefix}), dir, prefix}, nil
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
