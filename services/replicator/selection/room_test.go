package selection

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/spanway/spanway/pkg/replication/links"
)

// In a ring of sites who does what the problems say has none at the end, however many sites
// there are, and no topic takes less than the first.
func TestTheRemedyOfMaxMessageBytesEnds(t *testing.T) {
	remedy := regexp.MustCompile(`--add-config max\.message\.bytes=(\d+)$`)
	const first = 1 << 20
	for n := 2; n <= 8; n++ {
		l := links.Link{Spec: links.Spec{Name: "ring", Source: "before", Include: []string{"orders"}, Shared: true, Relay: true}}
		sites := make([]Topic, n)
		sites[0] = topic("orders", 1, fmt.Sprintf("max.message.bytes=%d", first))
		at := func(i int) *Selection {
			in := Input{
				Site: Site{Name: "site", Cluster: fmt.Sprint(i)}, Links: []links.Link{l},
				Sources: map[string]Source{"before": {Cluster: fmt.Sprint((i + n - 1) % n), Topics: []Topic{sites[(i+n-1)%n]}}},
			}
			if sites[i].Name != "" {
				in.Target = []Topic{sites[i]}
			}
			return Select(in, nil)
		}
		for i := 1; i < n; i++ {
			created := topic("orders", 1)
			created.Settings = at(i).Changes[0].Settings
			sites[i] = created
		}
		rounds := 0
		for asked := true; asked; rounds++ {
			if asked = false; rounds > 2*n {
				t.Fatalf("of %d sites one asks for more again and again: %v", n, sites)
			}
			for i := range n {
				for _, p := range at(i).Problems {
					m := remedy.FindStringSubmatch(p.Text)
					if p.Code != MaxMessageBytes || m == nil {
						t.Fatalf("%v", p)
					}
					sites[i].Settings[maxMessageBytes], asked = m[1], true
				}
			}
		}
		for i := range n {
			if most, err := strconv.Atoi(sites[i].Settings[maxMessageBytes]); err != nil || most < first || most > first+n*room {
				t.Errorf("of %d sites the one at %d takes %v", n, i, most)
			}
		}
	}
}
