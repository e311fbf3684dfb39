package failover_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spanway/spanway/services/replicator/failover"
)

// A link back that cannot copy is told of with its reason, for the fail-over is of no use then.
// Once it was deleted the same command, with the name that the other site knows, makes a right one.
func TestALinkBackThatDoesNotCopyIsTold(t *testing.T) {
	ams, fra := places(t)
	ams.write(0, 10)
	fra.link()
	fra.copied(10)
	wrong := fra.from(ams)
	wrong.Here.Name = "berlin" // As the replicators of ams do not call it.
	for _, what := range []string{"at first", "again"} {
		_, err := failover.Run(t.Context(), wrong)
		if !errors.Is(err, &failover.Error{Code: failover.BackFails}) || !strings.Contains(err.Error(), `unknown_source: the source "berlin" is not in the configuration file`) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, err := failover.Run(t.Context(), fra.from(ams))
	if !errors.Is(err, &failover.Error{Code: failover.NameTaken}) || !strings.Contains(err.Error(), "--as") {
		t.Fatalf("with the right name: %v", err)
	}
	if err := ams.links.Delete(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	if r := run(t, fra.from(ams)); r.BackTrouble != "" {
		t.Errorf("the link back: %s", r.BackTrouble)
	}
	fra.write(10, 1)
	ams.holds(11)
}

// Where no replicator runs at the other site, it is said that the link back is not known to copy.
func TestALinkBackOfWhichNobodyTells(t *testing.T) {
	ams, fra := places(t)
	ams.write(0, 10)
	fra.link()
	fra.copied(10)
	ams.stop()
	if r := run(t, fra.from(ams)); !strings.Contains(r.BackTrouble, "no replicator of site ams has told of it within 20s") {
		t.Errorf("the link back: %q", r.BackTrouble)
	}
}
