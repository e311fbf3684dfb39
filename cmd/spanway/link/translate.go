package link

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// translationView is a place on both sides, as printed.
type translationView struct {
	Exact      bool       `json:"exact"`
	Source     *placeView `json:"source,omitempty"`
	Target     *placeView `json:"target,omitempty"`
	Generation uint32     `json:"generation,omitempty"`
	Before     *twinView  `json:"before,omitempty"`
	After      *twinView  `json:"after,omitempty"`
}

type placeView struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Timestamp string `json:"timestamp"`
	Key       string `json:"key"`
	Hash      string `json:"hash"`
}

type twinView struct {
	Source int64 `json:"source_offset"`
	Target int64 `json:"target_offset"`
}

func translate(a *cli.App) *cobra.Command {
	back := false
	c := &cobra.Command{
		Use:   "translate NAME TOPIC/P@OFFSET",
		Short: "Tell where the copy of a record stands, with both records as proof",
		Long: `Tell where the copy of a record of the source stands; with --back, of which record
of the source a record of the copy's topic was made. TOPIC is the source's in both
cases. A record that was not copied lies between two that were: such an answer is not
exact, and says so ("exact": false with -o json, exit code 1), as is that for an offset
at which there is no record.`,
		Example: "  spanway link translate orders payments/3@1500\n  spanway link translate orders payments/3@1498 --back",
		Args:    cli.Some("name of a link and a place in a topic"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return cli.Usage("give the name of a link and a place in a topic: %s", cmd.UseLine())
			}
			topic, partition, offset, err := parsePlace(args[1])
			if err != nil {
				return err
			}
			return paired(cmd.Context(), a, args[0], topic, nil, func(ctx context.Context, of copied, p *audit.Pair) error {
				if partition >= p.Partitions {
					return cli.Usage("topic %s has %s, and %d is none of them", topic, render.Count(int(p.Partitions), "partition", "partitions"), partition)
				}
				do := p.Translate
				if back {
					do = p.TranslateBack
				}
				t, err := do(ctx, partition, offset)
				if err != nil {
					return err
				}
				v := viewTranslation(of, &t)
				if err := printTranslation(a, v); err != nil || v.Exact {
					return err
				}
				return &inexact{args[1], back, v.Source != nil || v.Target != nil, offset, t.Within}
			})
		},
	}
	c.Flags().BoolVar(&back, "back", false, "the offset is that of the copy")
	return c
}

// parsePlace reads TOPIC/P@OFFSET.
func parsePlace(text string) (topic string, partition int32, offset int64, err error) {
	left, at, found := strings.Cut(text, "@")
	i := strings.LastIndexByte(left, '/')
	if !found || i <= 0 {
		return "", 0, 0, cli.Usage("%.99q is no place in a topic: give TOPIC/PARTITION@OFFSET", text)
	}
	p, err := strconv.ParseInt(left[i+1:], 10, 32)
	offset, err2 := strconv.ParseInt(at, 10, 64)
	if err != nil || err2 != nil || p < 0 || offset < 0 {
		return "", 0, 0, cli.Usage("%.99q is no place in a topic: give TOPIC/PARTITION@OFFSET", text)
	}
	return left[:i], int32(p), offset, nil
}

func viewTranslation(of copied, t *audit.Translation) *translationView {
	v := &translationView{Exact: t.Exact, Generation: t.Generation}
	view := func(topic string, p *audit.Place) *placeView {
		if p == nil {
			return nil
		}
		at := time.UnixMilli(p.Timestamp).UTC().Format(time.RFC3339Nano)
		return &placeView{topic, t.Partition, p.Offset, at, string(p.Key), fmt.Sprintf("%016x", p.Hash)}
	}
	twin := func(t *audit.Twin) *twinView {
		if t == nil {
			return nil
		}
		return &twinView{t.Source, t.Target}
	}
	v.Source, v.Target = view(of.topic, t.Source), view(of.target, t.Target)
	v.Before, v.After = twin(t.Before), twin(t.After)
	return v
}

func printTranslation(a *cli.App, v *translationView) error {
	if a.JSON() {
		return a.Object(v)
	}
	t := &cli.Table{Head: []string{"SIDE", "PLACE", "TIME", "KEY", "HASH"}}
	for _, side := range []struct {
		name string
		*placeView
	}{{"source", v.Source}, {"target", v.Target}} {
		if p := side.placeView; p != nil {
			t.Add(cli.Plain(side.name), cli.Plain(fmt.Sprintf("%s/%d@%d", p.Topic, p.Partition, p.Offset)),
				cli.Plain(p.Timestamp), cli.Plain(cli.Dash(p.Key)), cli.Plain(p.Hash))
		}
	}
	if v.Source != nil || v.Target != nil {
		if err := a.Table(t); err != nil {
			return err
		}
	}
	if v.Exact {
		return nil
	}
	a.Printf("not exact: it lies between %s and %s\n", twinText(v.Before, "the beginning"), twinText(v.After, "the end"))
	return nil
}

// inexact says that the answer of a translation is no record's copy.
type inexact struct {
	place string
	back  bool
	there bool // a record stands at the offset, or what stands there is of another one

	offset int64
	within compare.Range // what the partition has
}

func (e *inexact) Error() string {
	side, what := "source", "that record has no copy"
	if e.back {
		side, what = "copy's topic", "that record is no copy of one that the source has"
	}
	if !e.there {
		what = "no record stands at that offset of the " + side + ": " + e.missing()
	}
	return fmt.Sprintf("NOT_EXACT: translate %s: %s; what is printed is only what it lies between", e.place, what)
}

// missing says why no record stands at the offset.
func (e *inexact) missing() string {
	switch {
	case e.offset >= e.within.End:
		return fmt.Sprintf("what is committed there ends at %d", e.within.End)
	case e.offset < e.within.Start:
		return fmt.Sprintf("the record was deleted, and the first that is kept is at %d or behind it", e.within.Start)
	}
	return "it is that of a transaction's marker, of a record that was aborted, or of one that compaction took, and consumers read none there"
}

// ExitCode is that of a refusal.
func (e *inexact) ExitCode() int { return cli.ExitRefused }

func twinText(t *twinView, none string) string {
	if t == nil {
		return none
	}
	return fmt.Sprintf("source @%d (target @%d)", t.Source, t.Target)
}
