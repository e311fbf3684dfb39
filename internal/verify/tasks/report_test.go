package tasks

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestReportsAddUp(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	for range 5 {
		l.each(cancelled("t"))
	}
	one := l.judge(Options{MaxFindings: 2})
	if one.Violations != 5 || len(one.Findings) != 2 || one.OK() {
		t.Errorf("%d violations, %d findings; want 5 and 2", one.Violations, len(one.Findings))
	}
	var all Report
	all.Add(one)
	all.Add(one)
	if all.Partitions != 2 || all.Records != 12 || all.Violations != 10 || len(all.Findings) != 4 {
		t.Errorf("the sum is wrong: %+v", all)
	}
	text, err := json.Marshal(all)
	if err != nil || !strings.Contains(string(text), `"rule":"G1"`) {
		t.Errorf("as JSON: %s, %v", text, err)
	}
}
