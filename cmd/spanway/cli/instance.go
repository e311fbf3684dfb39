package cli

import (
	"fmt"
	"os"
)

// Instance names this process: host and process ID.
func Instance() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}
