package engine

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestConfigErrorsNameFieldValueAndRemedy(t *testing.T) {
	good := func() Config { return Config{Brokers: []string{"127.0.0.1:1"}, ID: "e1"} }
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"no brokers":       {func(c *Config) { c.Brokers = nil }, []string{"Brokers", "empty", "127.0.0.1:29092"}},
		"an empty broker":  {func(c *Config) { c.Brokers = []string{"a:1", ""} }, []string{"Brokers", `"a:1"`, "remove"}},
		"no ID":            {func(c *Config) { c.ID = "" }, []string{"ID", "empty", "give"}},
		"a long ID":        {func(c *Config) { c.ID = strings.Repeat("x", 257) }, []string{"ID", "257", "at most 256"}},
		"an ID of bytes":   {func(c *Config) { c.ID = "\xff" }, []string{"ID", `\xff`, "UTF-8"}},
		"a short TTL":      {func(c *Config) { c.TTL = time.Millisecond }, []string{"TTL", "1ms", "500ms"}},
		"a negative slot":  {func(c *Config) { c.Allocatable = map[string]int64{"slots": -1} }, []string{"allocatable", "slots", "-1", "from 0"}},
		"a strange label":  {func(c *Config) { c.Labels = map[string]any{"x": struct{}{}} }, []string{"Labels", `"x"`, "struct", "string"}},
		"a fraction":       {func(c *Config) { c.Labels = map[string]any{"x": 1.5} }, []string{"Labels", "1.5", "integer"}},
		"a list of lists":  {func(c *Config) { c.Labels = map[string]any{"x": []any{[]any{}}} }, []string{"Labels", "list"}},
		"a large integer":  {func(c *Config) { c.Labels = map[string]any{"x": 1 << 53} }, []string{"Labels", "2^53"}},
		"a long accepts":   {func(c *Config) { c.Accepts = strings.Repeat("x", 2049) }, []string{"Accepts", "2049", "at most 2048"}},
		"accepts of bytes": {func(c *Config) { c.Accepts = "\xff" }, []string{"Accepts", `\xff`, "UTF-8"}},
		"a long node":      {func(c *Config) { c.Node = strings.Repeat("x", 257) }, []string{"Node", "257", "at most 256"}},
		"CRLF":             {func(c *Config) { c.Pool = "blue\r" }, []string{"Pool", `"blue\r"`, "control character"}},
		"a bad prefix":     {func(c *Config) { c.Prefix = "acme\r" }, []string{"prefix", `"acme\r"`}},
		"a bad dimension":  {func(c *Config) { c.Allocatable = map[string]int64{"GPU": 1} }, []string{"allocatable", `"GPU"`, "a-z"}},
		"many labels":      {func(c *Config) { c.Labels = manyLabels(65) }, []string{"65 labels", "at most 64"}},
		"a nameless label": {func(c *Config) { c.Labels = map[string]any{"": 1} }, []string{"Labels"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := good()
			c.change(&config)
			_, err := New(config)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not contain %q", err, w)
				}
			}
		})
	}
	config := good()
	config.Labels = map[string]any{"gpu": 1, "site": "ams", "fast": true, "zones": []string{"a"}, "ports": []int{1}, "mixed": []any{1, "a", false}}
	e, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	if e.config.Allocatable["slots"] < 8 || e.config.Pool != "default" || len(e.labels) != 6 {
		t.Errorf("defaults are %+v", e.config)
	}
}

func manyLabels(n int) map[string]any {
	out := map[string]any{}
	for i := range n {
		out[strconv.Itoa(i)] = i
	}
	return out
}

func TestWrongUseIsToldByRun(t *testing.T) {
	for name, c := range map[string]struct {
		use  func(*Engine)
		want string
	}{
		"no handler":    {func(*Engine) {}, "Handle"},
		"nil handler":   {func(e *Engine) { e.Handle("a", nil) }, "nil"},
		"two for one":   {func(e *Engine) { e.Handle("a", held(nil)); e.Handle("a", held(nil)) }, "already"},
		"no name":       {func(e *Engine) { e.Handle("", held(nil)) }, "missing"},
		"closed before": {func(e *Engine) { e.Handle("a", held(nil)); e.Close(); e.Close() }, "make a new one"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := New(Config{Brokers: []string{"127.0.0.1:1"}, ID: "e1"})
			if err != nil {
				t.Fatal(err)
			}
			c.use(e)
			if err := e.Run(context.Background()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run returned %v, want it to contain %q", err, c.want)
			}
		})
	}
}
