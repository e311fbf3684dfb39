package link

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
)

// With -o json each refusal is one object with what was meant, the code and the text.
func TestRefusalsAsJSON(t *testing.T) {
	brokers := clitest.Start(t, 0).Brokers()[0]
	call := func(stdin, args string) (string, string, int) {
		return program.Call(t.Context(), stdin, append(strings.Fields("link "+args), "-o", "json", "--brokers", brokers)...)
	}
	refused := func(args, stdin, of, name, reason string) {
		t.Helper()
		out, text, code := call(stdin, args)
		var v map[string]string
		if err := json.Unmarshal([]byte(out), &v); err != nil || code != cli.ExitRefused || len(v) != 3 ||
			v[of] != name || v["code"] != reason || !strings.Contains(v["text"], reason) || text != "spanway: "+v["text"]+"\n" {
			t.Errorf("%s: exit code %d, %q, %s", args, code, out, text)
		}
	}
	refused("watch nope", "", "link", "nope", "UNKNOWN_LINK") // Nothing was declared yet.
	if _, text, code := call("", "apply orders --source ams --include orders"); code != cli.ExitDone {
		t.Fatal(text)
	}
	for _, verb := range []string{"show nope", "watch nope", "pause nope", "resume nope", "delete nope", "audit nope", "translate nope orders/0@1", "groups nope"} {
		refused(verb, "", "link", "nope", "UNKNOWN_LINK")
	}
	refused("apply copy --source ams --include orders", "", "link", "copy", "LINK_CONFLICT")
	refused("apply -f -", "links: [{name: third, source: ams, include: [orders]}]", "link", "third", "LINK_CONFLICT")
	refused("group delete shop", "", "group", "shop", "UNKNOWN_GROUP")
	out, text, code := call("", "failover nope")
	var v failoverView
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != cli.ExitRefused || v.Failed == nil || v.Failed.Code != "UNKNOWN_LINK" {
		t.Errorf("failover: exit code %d, %q, %s", code, out, text)
	}
}
