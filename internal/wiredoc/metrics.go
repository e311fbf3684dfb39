package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spanway/spanway/internal/telemetry/instruments"
)

// metricsPage makes docs/metrics.md of the catalogue of instruments.
func metricsPage() []byte {
	var b bytes.Buffer
	b.WriteString(`<!-- Written by make generate (internal/wiredoc). -->
# Metrics

What each service serves at ` + "`/metrics`" + ` of ` + "`--http`" + `, by the names that Prometheus sees; OpenTelemetry has them with dots, and without the unit and ` + "`_total`" + ` at the end. Besides there is what the runtime of Go (` + "`go_`" + `) and the operating system (` + "`process_`" + `) tell of the process. Values of services of several sites in one process (` + "`spanway dev --sites`" + `) have the label ` + "`site`" + `, too. Counters that something adds to are there from the start, with 0 and without labels, but for those of messaging (` + "`messaging_client_`" + `); what else has no value yet is absent.

What to act upon is in [operations.md](operations.md#alerts), by the rules of [deploy/prometheus/alerts.yml](../deploy/prometheus/alerts.yml); [deploy/grafana/spanway.json](../deploy/grafana/spanway.json) is a dashboard. Both need that Prometheus scrapes the services as the job ` + "`" + `spanway` + "`" + ` and gives each the label ` + "`" + `site` + "`" + `: [how](operations.md#scrapes).

| Name | Kind | Unit | Labels | What it says | Of |
|---|---|---|---|---|---|
`)
	for _, i := range instruments.All() {
		labels := make([]string, len(i.Attributes))
		for n, l := range i.Labels() {
			labels[n] = "`" + l + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", i.Prometheus(), i.Kind, unitName(i.Unit),
			strings.Join(labels, ", "), strings.ReplaceAll(strings.TrimSuffix(i.About, "."), "|", `\|`), strings.Join(i.Services, ", "))
	}
	return b.Bytes()
}

// unitName is a unit for people: those in braces say what is counted.
func unitName(unit string) string {
	if name, ok := map[string]string{"s": "seconds", "By": "bytes", "1": "ratio"}[unit]; ok {
		return name
	}
	return strings.Trim(unit, "{}")
}
