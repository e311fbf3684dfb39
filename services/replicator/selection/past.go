package selection

import "slices"

// Fate is what became of a copy that is not selected any more.
type Fate uint8

const (
	// Unwanted: its link is gone or does not choose it, or the target is gone.
	Unwanted Fate = iota
	// Present: its link chooses it, and the source has it: it will be a copy, or a problem is
	// in the way.
	Present
	// Unknown: the source does not answer, or was not asked yet.
	Unknown
	// SourceDeleted: its link chooses it, and the source has no such partition. The copy is
	// kept.
	SourceDeleted
)

// Past returns what tells the fate of a copy that a link has had: of the topic and partition
// of its source, into a target.
func Past(in Input) func(link, topic, target string, partition int32) Fate {
	choices := map[string]func(topic string) bool{}
	return func(link, topic, target string, partition int32) Fate {
		i := slices.IndexFunc(in.Links, named(link))
		if i < 0 {
			return Unwanted
		}
		l := &in.Links[i]
		source, known := in.Sources[l.Source]
		switch {
		case !known || source.Cluster == "" || source.Trouble != "" || source.Applications == nil && len(l.Applications) > 0:
			return Unknown
		case target != l.Prefix+topic || source.Cluster == in.Site.Cluster || partitions(in.Target, target) == 0:
			return Unwanted
		}
		if choices[link] == nil {
			choices[link] = Choice(in, l)
		}
		switch {
		case !choices[link](topic):
			return Unwanted
		case partition < partitions(source.Topics, topic):
			return Present
		}
		return SourceDeleted
	}
}

// partitions is how many a topic has; 0 if there is no such topic.
func partitions(all []Topic, topic string) int32 {
	for i := range all {
		if all[i].Name == topic {
			return all[i].Partitions
		}
	}
	return 0
}
