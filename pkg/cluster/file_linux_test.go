package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spanway/spanway/pkg/cluster"
)

// A file that is a pipe of which nothing comes is an error that names it, whichever file
// it is.
func TestAFileOfWhichNothingComesIsNamed(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { writer.Close() })
	for name, config := range map[string]cluster.Config{
		"CAFile":       {TLS: cluster.TLS{CAFile: pipe}},
		"CertFile":     {TLS: cluster.TLS{CertFile: pipe, KeyFile: os.DevNull}},
		"KeyFile":      {TLS: cluster.TLS{CertFile: os.DevNull, KeyFile: pipe}},
		"PasswordFile": {SASL: cluster.SASL{Mechanism: cluster.ScramSHA512, Username: "alice", PasswordFile: pipe}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config.Brokers = []string{"127.0.0.1:1"}
			_, err := open(t, config).Kafka().Topics(t.Context(), "")
			if err == nil || !strings.Contains(err.Error(), pipe+" is a pipe of which nothing came") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
