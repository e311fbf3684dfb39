//go:build compose

package compose

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
)

// standing is what `network show` says of an object.
type standing struct {
	State string
	Sites []struct{ Site, State string }
}

// networksSpan applies a network of both sites, and takes it back: it is realised at each, and gone.
func (s stack) networksSpan() {
	for _, site := range sites {
		s.at("ams", 30*second, "site", "add", site, "--label", "region=eu")
	}
	file := filepath.Join(s.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte("path: /networks/shop\nspan: {selector: region=eu}\nnetwork: {description: The shop}\n---\n"+
		"path: /networks/shop/segments/web\nsegment: {cidr: 10.1.0.0/24}\n"), 0o600); err != nil {
		s.Fatal(err)
	}
	s.at("ams", 60*second, "network", "apply", "--filename", file, "--wait", "--timeout", "50s")
	var of standing
	if err := json.Unmarshal([]byte(s.at("ams", 30*second, "network", "show", "/networks/shop/segments/web", "-o", "json")), &of); err != nil {
		s.Fatal(err)
	}
	at := func(site string) bool {
		return slices.ContainsFunc(of.Sites, func(x struct{ Site, State string }) bool { return x.Site == site && x.State == "realised" })
	}
	if of.State != "realised" || len(of.Sites) != len(sites) || !at("ams") || !at("fra") {
		s.Errorf("it stands so: %+v", of)
	}
	s.at("ams", 60*second, "network", "delete", "/networks/shop", "--recursive", "--wait", "--timeout", "50s")
}
