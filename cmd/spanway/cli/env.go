package cli

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Env is the value of SPANWAY_name, else the default.
func Env(name, otherwise string) string {
	if v := os.Getenv("SPANWAY_" + name); v != "" {
		return v
	}
	return otherwise
}

// EnvDuration is Env for durations. A value that cannot be read counts as absent:
// the flag's help shows what is in force.
func EnvDuration(name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(Env(name, "")); err == nil {
		return d
	}
	return otherwise
}

// EnvInt is Env for integers, with the same rule.
func EnvInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(Env(name, "")); err == nil {
		return n
	}
	return otherwise
}

// EnvMap reads a=1,b=2.
func EnvMap(name string) map[string]string {
	out := map[string]string{}
	for _, pair := range EnvList(name) {
		if k, v, ok := strings.Cut(pair, "="); ok {
			out[k] = v
		}
	}
	return out
}

// EnvList reads a,b.
func EnvList(name string) []string {
	if v := Env(name, ""); v != "" {
		return strings.Split(v, ",")
	}
	return nil
}

// Instance names this process: host and process ID.
func Instance() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}
