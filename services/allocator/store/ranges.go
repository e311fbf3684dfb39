package store

// Without is what is in some ranges and in none of the others.
func Without(ranges, others []Range) (out []Range) {
	out = append(out, ranges...)
	for _, o := range others {
		var rest []Range
		for _, r := range out {
			rest = append(rest, r.without(o)...)
		}
		out = rest
	}
	return out
}

func (r Range) without(o Range) (out []Range) {
	if !r.overlaps(o) {
		return []Range{r}
	}
	if r.From < o.From {
		out = append(out, Range{r.From, o.From - 1})
	}
	if r.To > o.To {
		out = append(out, Range{o.To + 1, r.To})
	}
	return out
}

// Both is what is in some ranges and in the others, too.
func Both(ranges, others []Range) (out []Range) {
	for _, r := range ranges {
		for _, o := range others {
			if r.overlaps(o) {
				out = append(out, Range{max(r.From, o.From), min(r.To, o.To)})
			}
		}
	}
	return out
}
