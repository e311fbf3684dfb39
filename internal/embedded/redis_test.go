package embedded

import (
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// It may be ended while its clients ask it for what it says of itself.
func TestRedisEndsWhileItIsAsked(t *testing.T) {
	for range 20 {
		r, err := StartRedis(0)
		if err != nil {
			t.Fatal(err)
		}
		c := redis.NewClient(&redis.Options{Addr: r.Addr(), MaxRetries: -1})
		var asking sync.WaitGroup
		answered := make(chan struct{}, 4)
		for range cap(answered) {
			asking.Go(func() {
				for first := true; c.Info(t.Context()).Err() == nil; first = false {
					if first {
						answered <- struct{}{}
					}
				}
			})
		}
		for range cap(answered) {
			<-answered
		}
		r.Close()
		asking.Wait()
		r.Close()
		c.Close()
	}
}
