package log

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Command is the noun log.
func Command(a *cli.App) *cobra.Command {
	return cli.Noun("log", "Look into the topics themselves", list(a), show(a), tail(a), dead(a), replayPast(a), reset(a))
}

// present runs f with brokers that have topics under the prefix, whichever these are: of
// allocators, queues or replicators, too.
func present(ctx context.Context, a *cli.App, f func(context.Context, *cli.Conn) error) error {
	return a.ConnectedFor(ctx, "", func(ctx context.Context, c *cli.Conn) error {
		topics, err := c.ListTopics(ctx)
		if err == nil && len(topics) == 0 {
			err = c.Check(ctx) // It says what is missing, or denied.
		}
		if err != nil {
			return err
		}
		return f(ctx, c)
	})
}

// fullName lets a person leave the prefix out.
func fullName(a *cli.App, topic string) string {
	if strings.HasPrefix(topic, a.Prefix) {
		return topic
	}
	return a.Prefix + topic
}

// parsePlace reads TOPIC, TOPIC/PARTITION or TOPIC/PARTITION@OFFSET; what is
// not given is -1.
func parsePlace(a *cli.App, s string) (p events.Place, err error) {
	place, at, hasOffset := strings.Cut(s, "@")
	topic, part, hasPartition := strings.Cut(place, "/")
	p = events.Place{Topic: fullName(a, topic), Partition: -1, Offset: -1}
	if hasPartition {
		n, err := strconv.ParseInt(part, 10, 32)
		if err != nil || n < 0 {
			return p, cli.Usage("partition %q of %q: give a number, as in %s/3", part, s, topic)
		}
		p.Partition = int32(n)
	}
	if hasOffset {
		if p.Offset, err = strconv.ParseInt(at, 10, 64); err != nil || p.Offset < 0 || !hasPartition {
			return p, cli.Usage("offset %q of %q: give partition and offset, as in %s/3@1841", at, s, topic)
		}
	}
	return p, nil
}

// topicView is a partition of a topic as -o json prints it.
type topicView struct {
	Topic string `json:"topic"`
	// Kind is that of the catalogue (docs/topics.md); empty for other topics.
	Kind       string `json:"kind,omitempty"`
	Partitions *int32 `json:"partitions,omitempty"`
	Partition  *int32 `json:"partition,omitempty"`
	Start      *int64 `json:"start,omitempty"`
	End        *int64 `json:"end,omitempty"`
	Records    int64  `json:"records"`
	// Snapshots of an owned log, newest first.
	Snapshots []snapshotView `json:"snapshots,omitempty"`
}

// snapshotView is a snapshot as -o json prints it.
type snapshotView struct {
	Offset      int64  `json:"offset"`
	FoldVersion uint32 `json:"fold_version"`
	Bytes       int64  `json:"bytes"`
	Hash        string `json:"hash"`
	At          string `json:"at"`
	Usable      bool   `json:"usable"`
}

// judged tells whether a topic is a log that judges itself: it has snapshots.
func judged(c *cli.Conn, topic string) bool {
	log, known := c.Topics().Log(topic)
	return known && log.Judged()
}

// snapshotsOf lists the snapshots of a partition, if the topic has any.
func snapshotsOf(ctx context.Context, c *cli.Conn, topic string, partition int32) (views []snapshotView, text string, err error) {
	if !judged(c, topic) {
		return nil, "", nil
	}
	found, err := c.SnapshotsOf(ctx, topic, partition)
	for i, s := range found {
		views = append(views, snapshotView{s.Offset, s.FoldVersion, s.Bytes, fmt.Sprintf("%016x", s.Hash), cli.Stamp(s.AtMs), s.Usable})
		if i > 0 {
			text += " "
		}
		text += strconv.FormatInt(s.Offset, 10)
		if !s.Usable {
			text += "!"
		}
	}
	return views, text, err
}

func list(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the topics, with the sums of their partitions' starts and ends",
		Args:  cli.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return present(cmd.Context(), a, func(ctx context.Context, c *cli.Conn) error {
				topics, err := c.ListTopics(ctx)
				if err != nil {
					return err
				}
				t := &cli.Table{Head: []string{"TOPIC", "KIND", "PARTITIONS", "RECORDS", "START", "END"}}
				for _, topic := range topics {
					kind := ""
					if log, known := c.Topics().Log(topic.Name); known {
						kind = log.Kind.String()
					}
					var records, from, to int64
					for p := range topic.Partitions {
						start, end, err := c.Offsets(ctx, topic.Name, p)
						if err != nil {
							return err
						}
						records, from, to = records+end-start, from+start, to+end
					}
					if a.JSON() {
						if err := a.Object(topicView{Topic: topic.Name, Kind: kind, Partitions: &topic.Partitions, Start: &from, End: &to, Records: records}); err != nil {
							return err
						}
					}
					t.Add(cli.Plain(topic.Name), cli.Plain(cli.Dash(kind)), cli.Plain(topic.Partitions), cli.Plain(records), cli.Plain(from), cli.Plain(to))
				}
				if !a.JSON() {
					a.Table(t)
				}
				return nil
			})
		},
	}
}

func show(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:     "show TOPIC[/PARTITION[@OFFSET]]",
		Short:   "Show the partitions of a topic (of tasks.events with their snapshots), or one record",
		Example: "  spanway log show tasks.events\n  spanway log show tasks.events/3@1841",
		Args:    cli.One("topic"),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, err := parsePlace(a, args[0])
			if err != nil {
				return err
			}
			return present(cmd.Context(), a, func(ctx context.Context, c *cli.Conn) error {
				partitions, err := partitionsOf(ctx, c, place)
				if err != nil {
					return err
				}
				if place.Offset >= 0 {
					return showRecord(ctx, a, c, place)
				}
				t := &cli.Table{Head: []string{"PARTITION", "START", "END", "RECORDS"}}
				if judged(c, place.Topic) {
					t.Head = append(t.Head, "SNAPSHOTS")
				}
				for _, p := range partitions {
					start, end, err := c.Offsets(ctx, place.Topic, p)
					if err != nil {
						return err
					}
					snapshots, text, err := snapshotsOf(ctx, c, place.Topic, p)
					if err != nil {
						return err
					}
					if a.JSON() {
						if err := a.Object(topicView{Topic: place.Topic, Partition: &p, Start: &start, End: &end, Records: end - start, Snapshots: snapshots}); err != nil {
							return err
						}
					}
					row := []cli.Cell{cli.Plain(p), cli.Plain(start), cli.Plain(end), cli.Plain(end - start)}
					if len(t.Head) > len(row) {
						row = append(row, cli.Plain(cli.Dash(text)))
					}
					t.Add(row...)
				}
				if !a.JSON() {
					a.Table(t)
				}
				return nil
			})
		},
	}
}

// partitionsOf lists the partitions that a place means.
func partitionsOf(ctx context.Context, c *cli.Conn, place events.Place) ([]int32, error) {
	topics, err := c.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range topics {
		switch {
		case t.Name != place.Topic:
		case place.Partition >= t.Partitions:
			return nil, cli.Usage("partition %d: %s has %d, from 0", place.Partition, t.Name, t.Partitions)
		case place.Partition >= 0:
			return []int32{place.Partition}, nil
		default:
			out := make([]int32, t.Partitions)
			for i := range out {
				out[i] = int32(i)
			}
			return out, nil
		}
	}
	// A list leaves out what the principal may not know of, be it there or not.
	if err := c.CheckFor(ctx, place.Topic); cluster.IsDenied(err) {
		return nil, fmt.Errorf("topic %s does not exist, or its brokers hide it: %w", place.Topic, err)
	}
	return nil, cli.Usage("there is no topic %q; see \"spanway log list\"", place.Topic)
}

func showRecord(ctx context.Context, a *cli.App, c *cli.Conn, place events.Place) error {
	r, err := c.Record(ctx, place)
	if err != nil {
		return err
	}
	if a.JSON() {
		return a.Object(viewRecord(place.Topic, place.Partition, r))
	}
	return a.Pretty(viewRecord(place.Topic, place.Partition, r))
}

// recordView is a record as JSON, whatever is in it.
type recordView struct {
	Topic     string            `json:"topic"`
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Timestamp string            `json:"timestamp,omitempty"`
	Key       *string           `json:"key"`
	Headers   map[string]string `json:"headers"`
	// Counts tells, on the owned log, whether the record counts.
	Counts *bool `json:"counts,omitempty"`
	// Data is the protojson mapping, or what could not be read as it.
	Data  json.RawMessage `json:"data,omitempty"`
	Value []byte          `json:"value_base64,omitempty"`
	Error string          `json:"error,omitempty"`

	atMs int64
}

func viewRecord(topic string, partition int32, r *events.Record) recordView {
	v := recordView{Topic: topic, Partition: partition, Offset: r.Offset, Timestamp: cli.Stamp(r.Timestamp), atMs: r.Timestamp, Headers: map[string]string{}}
	if r.Key != nil {
		v.Key = cli.Text(r.Key)
	}
	for _, h := range r.Headers {
		value := cli.Text(h.Value)
		if h.Key == events.HeaderLog || value == nil {
			hex := fmt.Sprintf("%x", h.Value)
			value = &hex
		}
		v.Headers[h.Key] = *value
	}
	_, m, err := events.Decode(r)
	if err == nil {
		v.Data, err = events.MarshalJSON(m)
	}
	if err != nil {
		v.Value, v.Error = r.Value, err.Error()
	}
	return v
}

// recordLine is a record for people.
func recordLine(v recordView) string {
	name := strings.TrimSuffix(strings.TrimPrefix(v.Headers[events.HeaderType], "spanway."), ".v1")
	mark := " "
	if v.Counts != nil && !*v.Counts {
		mark = "x"
	}
	data := string(v.Data)
	if v.Error != "" {
		data = fmt.Sprintf("%s (%d bytes)", v.Error, len(v.Value))
	}
	return fmt.Sprintf("%s %s/%d@%d %-12s %-24s %s", mark, v.Topic, v.Partition, v.Offset, cli.Dash(cli.Stamp(v.atMs)), name, data)
}
