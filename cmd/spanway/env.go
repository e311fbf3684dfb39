package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// env is the value of SPANWAY_name, else the default.
func env(name, otherwise string) string {
	if v := os.Getenv("SPANWAY_" + name); v != "" {
		return v
	}
	return otherwise
}

// envDuration and envInt are env for other types. A value that cannot be read
// counts as absent: the flag's help shows what is in force.
func envDuration(name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(env(name, "")); err == nil {
		return d
	}
	return otherwise
}

func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(env(name, "")); err == nil {
		return n
	}
	return otherwise
}

// envMap and envList read a=1,b=2 and a,b.
func envMap(name string) map[string]string {
	out := map[string]string{}
	for _, pair := range envList(name) {
		if k, v, ok := strings.Cut(pair, "="); ok {
			out[k] = v
		}
	}
	return out
}

func envList(name string) []string {
	if v := env(name, ""); v != "" {
		return strings.Split(v, ",")
	}
	return nil
}
