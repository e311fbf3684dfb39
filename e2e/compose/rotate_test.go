//go:build compose

package compose

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// secretsRotated replaces the password of the engines of ams and the certificate of its
// Kafka, as docs/compose.md says. No engine is restarted; the broker is, which has all
// connect anew.
func (s stack) secretsRotated() {
	was := secrets + "/was"
	if err := os.MkdirAll(was, 0o700); err != nil {
		s.Fatal(err)
	}
	for _, name := range []string{"engine-ams/password", "kafka-ams/tls.pem"} {
		if err := os.Rename(filepath.Join(secrets, name), filepath.Join(was, filepath.Base(name))); err != nil {
			s.Fatal(err)
		}
	}
	defer os.RemoveAll(was)
	before := s.inspect("engine-ams-1", "engine-ams-2")
	must(s.T, 30*second, root+"/deploy/secure/secrets.sh", secrets)
	must(s.T, time.Minute, "docker", "start", "--attach", named("principals-ams"))
	if out := must(s.T, 30*second, root+"/bin/spanway", append(as("ams", "operator-ams", "operator-ams"), "task", "list", "--limit", "1")...); out == "" {
		s.Error("an operator lists no tasks")
	}
	s.refused("the password that it had", "refuses the user or the password", root+"/bin/spanway", append(as("ams", "engine-ams", "was"), "task", "list")...)
	s.refused("the new one, of who may list no tasks", "User:engine-ams lacks the right", root+"/bin/spanway", append(as("ams", "engine-ams", "engine-ams"), "task", "list")...)
	old := s.certificate()
	must(s.T, time.Minute, "docker", "restart", named("kafka-ams"))
	s.awaitWorks("kafka-ams", "")
	if got := s.certificate(); got == old {
		s.Error("the broker has the certificate that it had")
	}
	s.tasksRun()
	for i, c := range s.inspect("engine-ams-1", "engine-ams-2") {
		if c.State.Pid != before[i].State.Pid || c.RestartCount != before[i].RestartCount {
			s.Errorf("engine-ams-%d was restarted: %+v", i+1, c.State)
		}
	}
}

// certificate is the serial number of that of Kafka at ams.
func (s stack) certificate() string {
	s.Helper()
	out := must(s.T, 30*second, "sh", "-c", "openssl s_client -connect "+ports["ams"]+" </dev/null 2>/dev/null | openssl x509 -noout -serial")
	if !strings.HasPrefix(out, "serial=") {
		s.Fatalf("the broker shows no certificate: %q", out)
	}
	return out
}
