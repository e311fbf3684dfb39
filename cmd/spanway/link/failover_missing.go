package link

import (
	"fmt"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/services/replicator/failover"
)

// table says of each partition how far it is copied. Where the source was away its end is as
// it was known last. Where the link was failed over before, the end of the source says nothing
// to people, for what is written here comes back there: what counts is what stands there alone.
func (v *failoverView) table() *cli.Table {
	over := v.over()
	t := &cli.Table{Head: []string{"TOPIC", "P", "END", "COPIED TO", "SAME", "NOT COPIED"}}
	switch {
	case over:
		t.Head = []string{"TOPIC", "P", "COPIED TO", "AT THE SOURCE ALONE"}
	case v.Forced:
		t.Head = []string{"TOPIC", "P", "LAST KNOWN END", "COPIED TO", "NOT COPIED"}
	}
	for i := range v.Partitions {
		p := &v.Partitions[i]
		row := []cli.Cell{cli.Plain(p.Topic), cli.Plain(p.Partition)}
		switch {
		case over:
			row = append(row, cli.Plain(p.Next))
		case v.Forced:
			row = append(row, p.known(p.End), p.known(p.Next))
		default:
			row = append(row, p.known(p.End), p.known(p.Next), p.same())
		}
		t.Add(append(row, p.left())...)
	}
	return t
}

// over says that the link was failed over before, and the source was asked what stands there
// alone: both sides are not compared any more.
func (v *failoverView) over() bool {
	return len(v.Partitions) > 0 && v.Partitions[0].Certain == failover.Exact && !v.Partitions[0].Compared
}

// known is an offset, if it is known.
func (p *frozenView) known(offset int64) cli.Cell {
	if !p.Known {
		return cli.Plain("unknown")
	}
	return cli.Plain(offset)
}

func (p *frozenView) same() cli.Cell {
	if !p.Compared {
		return cli.Plain("-")
	}
	return cli.Plain(p.Same)
}

// left is how many records are not copied, with what that number says.
func (p *frozenView) left() cli.Cell {
	text, colour := fmt.Sprint(p.Left), ""
	if p.Left > 0 {
		colour = render.Red
	}
	switch p.Certain {
	case failover.Unknown:
		text, colour = "unknown", render.Red
	case failover.LastKnown:
		text += ", as last known"
	case failover.Waiting:
		if p.Left > 0 {
			text, colour = text+" wait", ""
		}
	}
	return cli.Marked(text, colour)
}

// missing says what is missing here, and what at the source.
func (v *failoverView) missing() (lines []string) {
	say := func(p *frozenView, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("%s/%d: ", p.Topic, p.Partition)+fmt.Sprintf(format, args...))
	}
	away := false
	for i := range v.Partitions {
		p := &v.Partitions[i]
		if p.Gone > 0 {
			say(p, "gone at the source, and here alone: %s that had been copied", render.Count(p.Gone, "offset", "offsets"))
		}
		switch {
		case p.Certain == failover.Unknown:
			away = true
			say(p, "not copied: unknown, for no end of the source was reported")
		case p.Certain == failover.LastKnown:
			away = true
			if p.Left > 0 {
				say(p, "not copied: %s below %d, where the source ended by the report of %s", render.Count(p.Left, "offset", "offsets"), p.End, p.AsOf)
			}
		case p.Certain == failover.Exact && p.Left > 0:
			say(p, "at the source alone: %s from offset %d on; they come here when the link is failed back", render.Count(p.Left, "record", "records"), p.Next)
		}
	}
	if away {
		lines = append(lines, "What came to the source after it was reported last is not known, and not copied")
	}
	return lines
}
