package apache

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// MirrorMaker prepares Kafka's own MirrorMaker 2, which copies the topics that a pattern
// matches from one cluster into another under their names, from their first records. It
// runs as its distribution runs it: a process of its own, with all of the JVM's compiler.
// Properties are added to those of this package, and win over them. `make bench-mirror`
// fetches it.
func MirrorMaker(tb testing.TB, source, target, topics string, properties map[string]string) *exec.Cmd {
	tb.Helper()
	classPath, err := jars("mirror-" + Latest)
	if err != nil {
		tb.Fatalf("%v; run `make bench-mirror`", err)
	}
	all := map[string]string{
		"clusters": "source, target", "source.bootstrap.servers": source, "target.bootstrap.servers": target,
		"source->target.enabled": "true", "target->source.enabled": "false", "source->target.topics": topics,
		"replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
		"replication.factor":       "1", "checkpoints.topic.replication.factor": "1", "heartbeats.topic.replication.factor": "1",
		"offset-syncs.topic.replication.factor": "1", "offset.storage.replication.factor": "1",
		"status.storage.replication.factor": "1", "config.storage.replication.factor": "1",
		"emit.heartbeats.enabled": "false", "emit.checkpoints.enabled": "false", "sync.topic.acls.enabled": "false",
		"refresh.groups.enabled": "false", "refresh.topics.interval.seconds": "5", "tasks.max": "2",
	}
	maps.Copy(all, properties)
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s=%s\n", key, all[key])
	}
	dir := tb.TempDir()
	file := filepath.Join(dir, "mm2.properties")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		tb.Fatalf("write the properties of MirrorMaker: %v", err)
	}
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		tb.Fatalf("create the output of MirrorMaker: %v", err)
	}
	tb.Cleanup(func() { _ = output.Close() })
	cmd := exec.Command("java", "-Xms256m", "-Xmx1g", "-cp", classPath, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"org.apache.kafka.connect.mirror.MirrorMaker", file)
	cmd.Stdout, cmd.Stderr = output, output
	endWithParent(cmd)
	return cmd
}
