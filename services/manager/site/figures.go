package site

// Figures are what there is to count of all objects.
type Figures struct {
	// Objects by how far they are: each Standing is there, by its word, and "drifted" besides, which
	// are those that are left as they were found.
	Objects map[string]int
	// Behind is how many of the newest applied entries there are from the oldest on whose objects
	// are not all realised; 0: all are. What is left as it was found, or to the site's own, counts as
	// realised.
	Behind uint64
}

// Figures counts all objects, which costs about what it costs to look at each.
func (c *Core) Figures() Figures {
	f := Figures{Objects: map[string]int{"drifted": 0}}
	for s := Failed; s <= Realised; s++ {
		f.Objects[s.String()] = 0
	}
	for p, o := range c.objects {
		s := c.status(p)
		state := s.Standing.String()
		if s.Reason == Drifted {
			state = "drifted"
		}
		f.Objects[state]++
		if s.Standing != Realised && s.Standing != InConflict && state != "drifted" && o.term == c.term && o.sequence <= c.sequence {
			f.Behind = max(f.Behind, c.sequence-o.sequence+1)
		}
	}
	return f
}
