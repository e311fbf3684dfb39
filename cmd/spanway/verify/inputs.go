package verify

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/eventlog"
)

// findInputs finds inputs that end below where the log has read them to: they lost their
// tail, and what comes there is left out until an owner notices. Of inputs that are not
// there nothing is known, and nothing is needed.
func findInputs(ctx context.Context, topic string, n int32, from source, r *chain.Report) error {
	positions, err := eventlog.ParsePositions([]byte(r.Inputs))
	if err != nil || len(positions) == 0 {
		return nil //nolint:nilerr // A header that cannot be read is for the judge of the chain to find.
	}
	there, err := topicNames(ctx, from)
	if err != nil {
		return err
	}
	for _, at := range positions {
		if !there[at.Topic] {
			continue
		}
		_, end, err := from.Offsets(ctx, at.Topic, at.Partition)
		if err != nil {
			return err
		}
		if end >= at.Next {
			continue
		}
		r.Violations++
		r.Losses++
		r.Findings = append(r.Findings, chain.Finding{
			Rule: chain.RuleLoss, Log: topic, Partition: n, Offset: r.InputsAt, Text: fmt.Sprintf(
				"the input %s/%d ends at %d, and was read up to %d: it has lost its tail; an owner that runs reads it again, look for \"an input has lost its tail\" in its log",
				at.Topic, at.Partition, end, at.Next),
		})
	}
	return nil
}
