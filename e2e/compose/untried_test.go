package compose

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// untried are the variables that are given to what nothing stands in for, as its
// documentation and its source (kafbat/kafka-ui: ClustersProperties; Grafana: defaults.ini,
// GF_SECTION_KEY) have them: both ignore a name that they do not know.
var untried = map[string]*regexp.Regexp{
	"kafka-ui": regexp.MustCompile(`^(JAVA_OPTS|KAFKA_CLUSTERS_\d+_(NAME|BOOTSTRAPSERVERS|READONLY))$`),
	"grafana": regexp.MustCompile(`^GF_(AUTH_ANONYMOUS_ENABLED|AUTH_DISABLE_LOGIN_FORM|DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH|PLUGINS_PREINSTALL_DISABLED|` +
		`ANALYTICS_(REPORTING_ENABLED|CHECK_FOR_UPDATES|CHECK_FOR_PLUGIN_UPDATES))$`),
}

func TestVariablesOfWhatIsNotTried(t *testing.T) {
	var stack file
	read(t, "../../docker-compose.yml", &stack)
	for service, known := range untried {
		given := stack.Services[service].Environment
		if len(given) == 0 {
			t.Errorf("%s has no variables", service)
		}
		for name := range given {
			if !known.MatchString(name) {
				t.Errorf("%s ignores %s", service, name)
			}
		}
	}
}

// The Kafka UI reads its clusters from 0 on, each with a name of its own, and ends if one has
// none. It reaches the Kafka of each site, and may not write.
func TestKafkaUIShowsEachSite(t *testing.T) {
	var stack file
	read(t, "../../docker-compose.yml", &stack)
	ui := stack.Services["kafka-ui"]
	var names []string
	for n := 0; ; n++ {
		of := "KAFKA_CLUSTERS_" + strconv.Itoa(n) + "_"
		name, brokers := ui.Environment[of+"NAME"], ui.Environment[of+"BOOTSTRAPSERVERS"]
		if name == "" && brokers == "" {
			break
		}
		names = append(names, name)
		host, port, err := net.SplitHostPort(brokers)
		if err != nil || host != "kafka-"+name || port != "9092" {
			t.Errorf("cluster %q is at %q (%v); want kafka-%s:9092", name, brokers, err, name)
		}
		if !slices.ContainsFunc(stack.Services[host].Networks, func(network string) bool {
			return slices.Contains(ui.Networks, network) && stack.Networks[network] != nil && stack.Networks[network].Internal
		}) {
			t.Errorf("kafka-ui is in no internal network of %s", host)
		}
		if ui.Environment[of+"READONLY"] != "true" {
			t.Errorf("kafka-ui may write to %s", name)
		}
	}
	if !slices.Equal(names, []string{"ams", "fra"}) || len(ui.Environment) != 3*len(names)+1 {
		t.Errorf("kafka-ui reads the clusters %v of its variables %v", names, ui.Environment)
	}
}
