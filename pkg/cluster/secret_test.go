package cluster_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
)

// However a configuration, or what is made of it, is printed or logged: no password.
func TestSecretsAreNotShown(t *testing.T) {
	said, logger := newLogs()
	config := cluster.Config{
		Brokers: start(t, embedded.Config{Users: []embedded.User{user(cluster.ScramSHA256)}}),
		SASL:    cluster.SASL{Mechanism: cluster.ScramSHA256, Username: "alice", Password: password},
		Logger:  logger,
	}
	c := open(t, config)
	credentials := kafka.Credentials{Mechanism: kafka.Plain, Username: "alice", Password: password}
	shown := map[string]string{}
	for name, v := range map[string]any{
		"the configuration": config, "a pointer to it": &config, "SASL": config.SASL, "the secret": config.SASL.Password,
		"the cluster": c, "what is read": credentials, "a pointer to that": &credentials, "the client": c.Kafka(),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			shown[name+" by "+verb] = fmt.Sprintf(verb, v)
		}
		logger.Info("a thing", "thing", v)
	}
	config.Dial, config.Logger = nil, nil // which are no data
	for name, marshal := range map[string]func(any) ([]byte, error){"JSON": json.Marshal, "YAML": func(v any) ([]byte, error) { return yaml.Marshal(v) }} {
		data, err := marshal(config.SASL)
		if err != nil {
			t.Fatal(err)
		}
		if shown[name] = string(data); !strings.Contains(shown[name], "[redacted]") {
			t.Errorf("%s is %s, want the password redacted", name, data)
		}
	}
	if err := use(t, c); err != nil {
		t.Fatal(err)
	}
	config.SASL.Password = "wrong-" + password
	config.Name, config.Logger = "prod", logger
	shown["an error"] = fmt.Sprint(use(t, open(t, config)))
	shown["the log"] = said.all()
	hex := fmt.Sprintf("%x", password)
	for what, text := range shown {
		if strings.Contains(text, password) || strings.Contains(strings.ToLower(text), hex) {
			t.Errorf("%s shows the password: %s", what, text)
		}
	}
	if !strings.Contains(shown["an error"], "refuses the user or the password") {
		t.Errorf("the error is %s", shown["an error"])
	}
}
