package predicate_test

import (
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/predicate"
)

// What can never be true, for the kinds of labels that engines have, is told, and nothing
// else is.
func TestMismatches(t *testing.T) {
	t.Parallel()
	kinds := map[string][]string{
		"gpu": {predicate.KindNumber}, "zone": {predicate.KindString}, "fast": {predicate.KindBoolean},
		"disks": {predicate.KindList}, "mixed": {predicate.KindNumber, predicate.KindString},
	}
	const gpu = "engine.labels.gpu is compared with a string; on every engine that has it, it is a number"
	for text, want := range map[string][]string{
		`engine.labels.gpu == "2"`:                             {gpu},
		`"2" == engine.labels["gpu"] && engine.site == "x"`:    {gpu},
		`engine.labels.gpu >= "2" || engine.labels.gpu < "1"`:  {gpu},
		`engine.labels.gpu in ["1", "2"]`:                      {gpu},
		`engine.labels.gpu.startsWith("2")`:                    {gpu},
		`engine.labels.zone > 3`:                               {"engine.labels.zone is compared with a number; on every engine that has it, it is a string"},
		`engine.labels.fast == "true"`:                         {"engine.labels.fast is compared with a string; on every engine that has it, it is a Boolean"},
		`"a" in engine.labels.zone`:                            {"engine.labels.zone is compared with a list; on every engine that has it, it is a string"},
		`!(engine.labels.gpu == "2")`:                          nil,
		`engine.labels.gpu == "2" || engine.site == "x"`:       nil,
		`engine.site == "x" ? engine.labels.gpu == "2" : true`: nil,
		`engine.labels.gpu == 2 && engine.labels.gpu >= 1.5`:   nil,
		`engine.labels.gpu != "2"`:                             nil,
		`engine.labels.mixed == "2"`:                           nil,
		`engine.labels.nobody == "2"`:                          nil,
		`"ssd" in engine.labels.disks`:                         nil,
		`"gpu" in engine.labels`:                               nil,
		`engine.site == "x"`:                                   nil,
		`engine.labels.gpu ==`:                                 nil,
		``:                                                     nil,
	} {
		if got := predicate.Mismatches(text, func(label string) []string { return kinds[label] }); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
