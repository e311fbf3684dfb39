package link

import "testing"

// A group that is bound to no site by name is copied to each that has a link with it.
func TestWhichSitesAGroupIsBoundTo(t *testing.T) {
	for want, v := range map[string]groupView{
		"all":     {Group: "shop"},
		"ams fra": {Group: "shop", Sites: []string{"ams", "fra"}},
	} {
		if got := v.bound(); got != want {
			t.Errorf("%v: it is said %q", v.Sites, got)
		}
	}
}
