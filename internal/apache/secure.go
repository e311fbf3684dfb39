package apache

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The listeners that Secure adds. The plain one stays, and who uses that may do
// everything: it is for making topics and rights.
const (
	// SASL is TLS with SCRAM-SHA-512, SCRAM-SHA-256 and PLAIN.
	SASL = "SECURED"
	// Mutual is TLS that demands a client certificate.
	Mutual = "MUTUAL"
	// Expired is TLS with a certificate that is valid no more.
	Expired = "EXPIRED"
)

// Secure says who may connect; what they may do is for ACLs to say. Its files are in
// PEM, and a key's has the certificate behind the key.
type Secure struct {
	KeyFile, ExpiredKeyFile, CAFile string
	// Users are passwords by name, for all mechanisms.
	Users map[string]string
}

func (s *Secure) listeners() []string {
	if s == nil {
		return nil
	}
	return []string{SASL, Mutual, Expired}
}

// scram are the arguments of the storage tool that make the users.
func (s *Secure) scram() (args []string) {
	if s == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.Users)) {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, name, s.Users[name]))
		}
	}
	return args
}

// properties adds to those of the broker.
func (s *Secure) properties(all map[string]string, ports map[string]int) {
	if s == nil {
		return
	}
	for _, name := range s.listeners() {
		at := fmt.Sprintf(",%s://127.0.0.1:%d", name, ports[name])
		all["listeners"] += at
		all["advertised.listeners"] += at
	}
	all["listener.security.protocol.map"] += fmt.Sprintf(",%s:SASL_SSL,%s:SSL,%s:SSL", SASL, Mutual, Expired)
	all["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
	all["super.users"] = "User:ANONYMOUS"
	all["ssl.keystore.type"], all["ssl.truststore.type"] = "PEM", "PEM"
	all["ssl.keystore.location"], all["ssl.truststore.location"] = s.KeyFile, s.CAFile
	for listener, property := range map[string]string{Mutual: "ssl.client.auth=required", Expired: "ssl.keystore.location=" + s.ExpiredKeyFile} {
		name, value, _ := strings.Cut(property, "=")
		all["listener.name."+strings.ToLower(listener)+"."+name] = value
	}
	sasl := "listener.name." + strings.ToLower(SASL) + "."
	all[sasl+"sasl.enabled.mechanisms"] = "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN"
	const modules = "org.apache.kafka.common.security."
	all[sasl+"scram-sha-256.sasl.jaas.config"] = modules + "scram.ScramLoginModule required;"
	all[sasl+"scram-sha-512.sasl.jaas.config"] = modules + "scram.ScramLoginModule required;"
	var users strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Users)) {
		fmt.Fprintf(&users, " user_%s=%q", name, s.Users[name])
	}
	all[sasl+"plain.sasl.jaas.config"] = modules + "plain.PlainLoginModule required" + users.String() + ";"
}
