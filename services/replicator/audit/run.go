package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// Report is what an audit of a partition has found.
type Report struct {
	Partition int32
	// Source and Target are the offsets that were compared.
	Source, Target compare.Range
	// Generation is the newest in the target; 0 if nothing was copied.
	Generation uint32
	compare.Result
	Windows []compare.Window
	// Keys is what was found of the newest records of all keys, if either topic is
	// compacted; nil if none is.
	Keys *compare.Result
	// Shrunk says that the target has copies from behind the present end of the source,
	// which has lost records, or was created again.
	Shrunk bool
}

// Equal says that nothing is wrong.
func (r *Report) Equal() bool {
	return r.Result.Equal() && (r.Keys == nil || r.Keys.Equal()) && !r.Shrunk
}

// again bounds how often an audit begins anew because retention was faster.
const again = 5

// Partition audits one partition.
func (p *Pair) Partition(ctx context.Context, partition int32) (Report, error) {
	r, err := p.sides(partition).audit(ctx)
	r.Partition = partition
	if err != nil {
		return r, fmt.Errorf("audit %s/%d: %w", p.cfg.TargetTopic, partition, err)
	}
	return r, nil
}

// All audits all partitions, one after the other. With an error come the reports of those
// that were audited before.
func (p *Pair) All(ctx context.Context) (all []Report, err error) {
	for n := range p.Partitions {
		r, err := p.Partition(ctx, n)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

func (s *sides) audit(ctx context.Context) (r Report, err error) {
	for range again {
		r, err = s.once(ctx)
		if !errors.Is(err, errMoved) {
			break
		}
	}
	return r, err
}

func (s *sides) once(ctx context.Context) (r Report, err error) {
	if err := s.ends(ctx); err != nil {
		return r, err
	}
	if err := s.declare(ctx); err != nil {
		return r, err
	}
	r.Source, r.Target = s.cfg.SourceRange, s.cfg.TargetRange
	if n := len(s.cfg.Generations); n > 0 {
		r.Generation = s.cfg.Generations[n-1].Number
	}
	stream := compare.New(s.cfg)
	source, target := s.cfg.SourceRange, s.cfg.TargetRange
	read, all := int64(0), source.End-source.Start+target.End-target.Start
	for {
		next, from, err := s.feed(ctx, stream)
		if err != nil {
			return r, err
		}
		r.Windows = append(r.Windows, stream.Windows()...)
		if next == from {
			break
		}
		if read += next - from; s.progress != nil {
			s.progress(min(read, all), all)
		}
	}
	r.Result = stream.Result()
	if r.LaterTo > 0 {
		now, err := s.source.Range(ctx)
		if err != nil {
			return r, err
		}
		r.Shrunk = r.LaterTo > now.End
	}
	if s.cfg.Compacted {
		r.Keys, err = s.keys(ctx)
	}
	return r, err
}

// feed gives the stream the page that it asks for; next is from when it needs none.
func (s *sides) feed(ctx context.Context, stream *compare.Stream) (next, from int64, err error) {
	side, from := stream.Next()
	var page events.Page
	switch side {
	case compare.ReadSource:
		if page, err = read(ctx, s.source, from); err != nil {
			return 0, 0, fmt.Errorf("read the source: %w", err)
		}
		stream.Source(page.Records, page.Next)
	case compare.ReadTarget:
		if page, err = read(ctx, s.target, from); err != nil {
			return 0, 0, fmt.Errorf("read the target: %w", err)
		}
		stream.Target(page.Records, page.Next)
	default:
		return 0, 0, nil
	}
	return page.Next, from, nil
}

// share is how many offsets there are for each share of the keys: each costs some 100
// bytes while it is compared.
const share = 2_000_000

// keys compares the newest records of all keys.
func (s *sides) keys(ctx context.Context) (*compare.Result, error) {
	source, target := s.cfg.SourceRange, s.cfg.TargetRange
	shares := 1 + uint64(source.End-source.Start+target.End-target.Start)/share
	var sum compare.Result
	for i := range shares {
		k := compare.NewKeys(s.cfg, compare.Share{Index: i, Of: shares})
		if err := whole(ctx, s.target, target, k.Target); err != nil {
			return nil, fmt.Errorf("read the target: %w", err)
		}
		if err := whole(ctx, s.source, source, k.Source); err != nil {
			return nil, fmt.Errorf("read the source: %w", err)
		}
		r := k.Result()
		if i == 0 {
			sum.EqualTo = r.EqualTo
		}
		sum.Add(&r)
	}
	return &sum, nil
}

// whole reads a range, and then up to what is the end by then.
func whole(ctx context.Context, p partition, r compare.Range, take func([]events.Record)) error {
	at := r.Start
	for range 2 {
		for at < r.End {
			page, err := read(ctx, p, at)
			if err != nil {
				return err
			}
			take(page.Records)
			at = page.Next
		}
		var err error
		if r, err = p.Range(ctx); err != nil {
			return err
		}
	}
	return nil
}
