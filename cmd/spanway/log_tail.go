package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

func (a *app) logTail() *cobra.Command {
	var last int64
	var follow, fromStart bool
	c := &cobra.Command{
		Use:   "tail TOPIC[/PARTITION[@OFFSET]]",
		Short: "Print the last records of a topic as JSON, and those to come with --follow",
		Long: `Print records as they stand in a topic, decoded. On tasks.events each record
is judged: those that do not count for any reader are marked with x (with
-o json: "counts": false).`,
		Args: one("topic"),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, err := a.parsePlace(args[0])
			if err != nil {
				return err
			}
			return a.connected(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				partitions, err := partitionsOf(ctx, c, place)
				if err != nil {
					return err
				}
				cfg := client.TailConfig{Topic: place.Topic, Partitions: partitions, Last: last, From: place.Offset, Follow: follow}
				if fromStart {
					cfg.From = 0
				}
				return c.Tail(ctx, cfg, func(r client.TailRecord) error {
					v := viewRecord(r.Topic, r.Partition, r.Record)
					if r.Judged {
						v.Counts = &r.Counts
					}
					if a.json() {
						return a.object(v)
					}
					_, err := fmt.Fprintln(a.out, recordLine(v))
					return err
				})
			})
		},
	}
	c.Flags().Int64VarP(&last, "lines", "n", 10, "how many records of each partition, from its end")
	c.Flags().BoolVar(&fromStart, "from-start", false, "all records that are kept")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	return c
}

// deadView is a dead letter as -o json prints it.
type deadView struct {
	Offset  int64  `json:"offset"`
	At      string `json:"at,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
	Task    string `json:"task,omitempty"`
	Pool    string `json:"pool,omitempty"`
	// Source is where the record was read, TOPIC/PARTITION@OFFSET.
	Source string `json:"source,omitempty"`
}

func (a *app) logDead() *cobra.Command {
	var last int64
	c := &cobra.Command{
		Use:   "dead",
		Short: "List dead letters: records that could not be acted upon, and tasks whose attempts are used up",
		Args:  none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.connected(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				t := &table{head: []string{"OFFSET", "AT", "CODE", "TASK", "SOURCE", "MESSAGE"}}
				cfg := client.TailConfig{Topic: c.Topics().DeadLetters(), Partitions: []int32{0}, Last: last, From: -1}
				err := c.Tail(ctx, cfg, func(r client.TailRecord) error {
					v := viewDead(r.Record)
					if a.json() {
						return a.object(v)
					}
					t.add(plain(v.Offset), plain(dash(v.At)), cell{v.Code, red}, plain(dash(v.Task)), plain(dash(v.Source)), plain(v.Message))
					return nil
				})
				if err == nil && !a.json() {
					a.table(t)
				}
				return err
			})
		},
	}
	c.Flags().Int64VarP(&last, "lines", "n", 100, "how many, from the end")
	return c
}

func viewDead(r *events.Record) deadView {
	v := deadView{Offset: r.Offset, At: stamp(r.Timestamp)}
	_, m, err := events.Decode(r)
	switch m := m.(type) {
	case *events.DeadLetter:
		v.Code, v.Message, v.Source = m.Code, m.Message, place(m.Source)
	case *events.TaskRejected:
		v.Code, v.Message, v.Source = m.Code, m.Message, place(m.Source)
		v.Task, v.Pool = m.TaskId, m.Pool
	case *events.TaskDeadLettered:
		v.Code, v.Message = m.Error.GetCode(), m.Error.GetMessage()
		v.Task, v.Pool = m.TaskId, m.Pool
	default:
		v.Code = string(events.CodeBadEnvelope)
		if err != nil {
			v.Message = err.Error()
		}
	}
	return v
}

func place(s *events.Source) string {
	if s == nil {
		return ""
	}
	return client.Position{Topic: s.Topic, Partition: s.Partition, Offset: s.Offset}.String()
}
