package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/services/allocator/store"
)

// documented are the rules of ACL SETUSER that the documentation gives: for one server,
// and what a cluster needs besides.
func documented(t *testing.T) (alone, cluster []string) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^ACL SETUSER spanway-allocator on >secret (.+)$`).FindAllStringSubmatch(string(text), -1)
	if len(found) != 2 {
		t.Fatalf("docs/operations.md has %d rules of ACL SETUSER spanway-allocator", len(found))
	}
	return strings.Fields(found[0][1]), strings.Fields(found[1][1])
}

func setUser(t *testing.T, admin *redis.Client, password string, rules []string) {
	t.Helper()
	command := []any{"ACL", "SETUSER", "allocator", "reset", "on", ">" + password}
	for _, r := range rules {
		command = append(command, r)
	}
	if err := admin.Do(context.Background(), command...).Err(); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
}

func password(t *testing.T, file, text string) string {
	t.Helper()
	if file == "" {
		file = filepath.Join(t.TempDir(), "password")
	}
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// everything does all that an allocator does.
func everything(ctx context.Context, s *store.Redis) error {
	warnings, err := s.Check(ctx)
	if err == nil && len(warnings) > 0 && strings.Contains(warnings[0], "cannot be read") {
		err = errors.New(warnings[0])
	}
	if err == nil {
		err = s.Forget(ctx, spaceName)
	}
	if err == nil {
		_, err = s.Fill(ctx, spi, nil)
	}
	if err == nil {
		_, err = s.Propose(ctx, store.Batch{Space: spi, Wants: []store.Want{{RequestID: "a", Count: 1}, {RequestID: "b", Count: 2}}})
	}
	if err == nil {
		_, err = s.Propose(ctx, store.Batch{Space: spi, Granted: []store.Grant{{RequestID: "a", Range: store.Range{From: 1, To: 1}}}})
	}
	if err == nil {
		err = s.Return(ctx, spaceName, []store.Grant{{RequestID: "b", Range: store.Range{From: 2, To: 3}}}, []store.Range{{From: 2, To: 3}})
	}
	if err == nil {
		_, err = s.Holds(ctx, spaceName)
	}
	return err
}

// The rights that are documented are enough, and none is too many.
func TestRealRedisRightsAreTheLeast(t *testing.T) {
	rules, _ := documented(t)
	server := redistest.Start(t)
	admin := server.Client()
	secret := password(t, "", "secret")
	// refused is how often Redis refused what was done: an UNWATCH that it refuses is no
	// error of the store.
	try := func(rules []string) (refused int, err error) {
		setUser(t, admin, "secret", rules)
		if err := admin.Do(t.Context(), "ACL", "LOG", "RESET").Err(); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(store.Config{Addrs: []string{server.Addr()}, Username: "allocator", PasswordFile: secret, PoolSize: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		err = everything(t.Context(), s)
		log, logErr := admin.ACLLog(t.Context(), 10).Result()
		if logErr != nil {
			t.Fatal(logErr)
		}
		return len(log), err
	}
	if refused, err := try(rules); err != nil || refused > 0 {
		t.Fatalf("with all rights: %d refused, %v", refused, err)
	}
	for i, r := range rules {
		if !strings.HasPrefix(r, "+") && !strings.HasPrefix(r, "~") {
			continue
		}
		less := append(append([]string{}, rules[:i]...), rules[i+1:]...)
		switch refused, err := try(less); {
		case refused == 0:
			t.Errorf("%s is not needed", r)
		case err != nil && !strings.Contains(err.Error(), "NOPERM"):
			t.Errorf("without %s: %v", r, err)
		}
	}
	setUser(t, admin, "secret", rules)
	user := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: "allocator", Password: "secret"})
	defer user.Close()
	s, err := store.Open(store.Config{Addrs: []string{server.Addr()}, Username: "allocator", PasswordFile: secret})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// It looks at what it may, and says what it may not: the doctor goes by that.
	looked, err := s.Servers(t.Context())
	if err != nil || len(looked) != 1 || looked[0].Err != nil || looked[0].Info["redis_version"] == "" || looked[0].ClockErr == nil || looked[0].FsyncErr == nil {
		t.Errorf("it looks at %+v, %v", looked, err)
	}
	for _, command := range [][]any{
		{"GET", "others"}, {"HGETALL", "others"}, {"HSET", "spanway.other", "a", "b"}, {"FLUSHALL"}, {"CONFIG", "GET", "requirepass"},
		{"KEYS", "*"}, {"ACL", "LIST"}, {"SHUTDOWN"}, {"EXPIRE", "spanway.ids.{spi}", "1"},
	} {
		if err := user.Do(t.Context(), command...).Err(); !redis.HasErrorPrefix(err, "NOPERM") {
			t.Errorf("%v: %v", command, err)
		}
	}
}

func TestRealRedisRightsOfACluster(t *testing.T) {
	alone, more := documented(t)
	c := redistest.StartCluster(t)
	secret := password(t, "", "secret")
	grant := func(rules []string) *store.Redis {
		for i := range 3 {
			setUser(t, c.Node(i).Client(), "secret", rules)
		}
		return open(t, store.Config{Addrs: c.Addrs(), Username: "allocator", PasswordFile: secret})
	}
	if err := everything(t.Context(), grant(append(alone, more...))); err != nil {
		t.Errorf("with all rights: %v", err)
	}
	if err := everything(t.Context(), grant(alone)); err == nil {
		t.Errorf("%v are not needed", more)
	}
}

// The password changes while the store is used: connections of before live on, new ones
// have the new one, and the old one is of no use.
func TestRealRedisPasswordIsRotated(t *testing.T) {
	rules, _ := documented(t)
	server := redistest.Start(t)
	admin := server.Client()
	setUser(t, admin, "one", rules)
	file := password(t, "", "one")
	config := store.Config{Addrs: []string{server.Addr()}, Username: "allocator", PasswordFile: file}
	a, b := open(t, config), open(t, config)
	filled(t, a)
	p := propose(t, a, b)
	p.goesOn(t, 10)
	password(t, file, "two")
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "allocator", ">two", "<one").Err(); err != nil {
		t.Fatal(err)
	}
	p.goesOn(t, 10)
	if err := admin.Do(t.Context(), "CLIENT", "KILL", "USER", "allocator").Err(); err != nil {
		t.Fatal(err)
	}
	p.goesOn(t, 10)
	p.stop()
	password(t, file, "one")
	if _, err := open(t, config).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "WRONGPASS") || !strings.Contains(err.Error(), "--redis-password-file") {
		t.Errorf("an old password: %v", err)
	}
}

// A server that does not tell its settings is used all the same, with a warning.
func TestRealRedisDoesNotTellItsSettings(t *testing.T) {
	rules, _ := documented(t)
	server := redistest.Start(t)
	setUser(t, server.Client(), "secret", append(rules, "-info"))
	config := store.Config{Addrs: []string{server.Addr()}, Username: "allocator", PasswordFile: password(t, "", "secret")}
	measured := newFigures(&config)
	s := open(t, config)
	warnings, err := s.Check(t.Context())
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "cannot be read (NOPERM") || measured.count(t, "unsafe") != 1 {
		t.Errorf("%q %v, %d measured", warnings, err, measured.count(t, "unsafe"))
	}
	filled(t, s)
	one(t, s, "a")
}
