package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/pkg/events"
)

func (a *app) logCommand() *cobra.Command {
	return noun("log", "Look into the topics themselves", a.logList(), a.logShow(), a.logTail(), a.logDead(), a.logReplay(), a.logReset())
}

// fullName lets a person leave the prefix out.
func (a *app) fullName(topic string) string {
	if strings.HasPrefix(topic, a.prefix) {
		return topic
	}
	return a.prefix + topic
}

// parsePlace reads TOPIC, TOPIC/PARTITION or TOPIC/PARTITION@OFFSET; what is
// not given is -1.
func (a *app) parsePlace(s string) (p events.Place, err error) {
	place, at, hasOffset := strings.Cut(s, "@")
	topic, part, hasPartition := strings.Cut(place, "/")
	p = events.Place{Topic: a.fullName(topic), Partition: -1, Offset: -1}
	if hasPartition {
		n, err := strconv.ParseInt(part, 10, 32)
		if err != nil || n < 0 {
			return p, usage("partition %q of %q: give a number, as in %s/3", part, s, topic)
		}
		p.Partition = int32(n)
	}
	if hasOffset {
		if p.Offset, err = strconv.ParseInt(at, 10, 64); err != nil || p.Offset < 0 || !hasPartition {
			return p, usage("offset %q of %q: give partition and offset, as in %s/3@1841", at, s, topic)
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

// snapshotsOf lists the snapshots of a partition, if the topic is the owned log.
func snapshotsOf(ctx context.Context, c *conn, topic string, partition int32) (views []snapshotView, text string, err error) {
	if topic != c.Topics().Events() {
		return nil, "", nil
	}
	found, err := c.SnapshotsOf(ctx, partition)
	for i, s := range found {
		views = append(views, snapshotView{s.Offset, s.FoldVersion, s.Bytes, fmt.Sprintf("%016x", s.Hash), stamp(s.AtMs), s.Usable})
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

func (a *app) logList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the topics, with the sums of their partitions' starts and ends",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				topics, err := c.ListTopics(ctx)
				if err != nil {
					return err
				}
				t := &table{head: []string{"TOPIC", "KIND", "PARTITIONS", "RECORDS", "START", "END"}}
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
					if a.json() {
						if err := a.object(topicView{Topic: topic.Name, Kind: kind, Partitions: &topic.Partitions, Start: &from, End: &to, Records: records}); err != nil {
							return err
						}
					}
					t.add(plain(topic.Name), plain(dash(kind)), plain(topic.Partitions), plain(records), plain(from), plain(to))
				}
				if !a.json() {
					a.table(t)
				}
				return nil
			})
		},
	}
}

func (a *app) logShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show TOPIC[/PARTITION[@OFFSET]]",
		Short:   "Show the partitions of a topic (of tasks.events with their snapshots), or one record",
		Example: "  spanway log show tasks.events\n  spanway log show tasks.events/3@1841",
		Args:    one("topic"),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, err := a.parsePlace(args[0])
			if err != nil {
				return err
			}
			return a.connected(cmd.Context(), func(ctx context.Context, c *conn) error {
				partitions, err := partitionsOf(ctx, c, place)
				if err != nil {
					return err
				}
				if place.Offset >= 0 {
					return a.showRecord(ctx, c, place)
				}
				t := &table{head: []string{"PARTITION", "START", "END", "RECORDS"}}
				if place.Topic == c.Topics().Events() {
					t.head = append(t.head, "SNAPSHOTS")
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
					if a.json() {
						if err := a.object(topicView{Topic: place.Topic, Partition: &p, Start: &start, End: &end, Records: end - start, Snapshots: snapshots}); err != nil {
							return err
						}
					}
					row := []cell{plain(p), plain(start), plain(end), plain(end - start)}
					if len(t.head) > len(row) {
						row = append(row, plain(dash(text)))
					}
					t.add(row...)
				}
				if !a.json() {
					a.table(t)
				}
				return nil
			})
		},
	}
}

// partitionsOf lists the partitions that a place means.
func partitionsOf(ctx context.Context, c *conn, place events.Place) ([]int32, error) {
	topics, err := c.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range topics {
		switch {
		case t.Name != place.Topic:
		case place.Partition >= t.Partitions:
			return nil, usage("partition %d: %s has %d, from 0", place.Partition, t.Name, t.Partitions)
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
	return nil, usage("there is no topic %q; see \"spanway log list\"", place.Topic)
}

func (a *app) showRecord(ctx context.Context, c *conn, place events.Place) error {
	r, err := c.Record(ctx, place)
	if err != nil {
		return err
	}
	if a.json() {
		return a.object(viewRecord(place.Topic, place.Partition, r))
	}
	data, err := json.MarshalIndent(viewRecord(place.Topic, place.Partition, r), "", "  ")
	if err != nil {
		return fmt.Errorf("write the record as JSON: %w", err)
	}
	_, err = fmt.Fprintf(a.out, "%s\n", data)
	return err
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
	v := recordView{Topic: topic, Partition: partition, Offset: r.Offset, Timestamp: stamp(r.Timestamp), atMs: r.Timestamp, Headers: map[string]string{}}
	if r.Key != nil {
		v.Key = text(r.Key)
	}
	for _, h := range r.Headers {
		value := text(h.Value)
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
	return fmt.Sprintf("%s %s/%d@%d %-12s %-24s %s", mark, v.Topic, v.Partition, v.Offset, clock(v.atMs), name, data)
}
