package store_test

import (
	"cmp"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/services/allocator/store"
	"github.com/spanway/spanway/services/allocator/store/storetest"
)

func TestMain(m *testing.M) {
	store.LogTo(slog.New(slog.DiscardHandler)) // Errors say what matters of it.
	goleak.VerifyTestMain(m)
}

// open opens a store that bears a slow machine, unless its test says how long it waits.
func open(t *testing.T, c store.Config) *store.Redis {
	t.Helper()
	c.Timeout = cmp.Or(c.Timeout, 20*time.Second)
	s, err := store.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContractInMemory(t *testing.T) {
	s := store.NewMemory()
	storetest.Run(t, func(*testing.T) storetest.Store { return s })
}

func TestContractOnMiniredis(t *testing.T) {
	server := miniredis.RunT(t)
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, store.Config{Addrs: []string{server.Addr()}}) })
}

func TestContractOnRealRedis(t *testing.T) {
	server := redistest.Start(t)
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, store.Config{Addrs: []string{server.Addr()}}) })
}
