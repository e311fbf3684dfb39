package embedded

import (
	"net"
	"strconv"

	"github.com/alicebob/miniredis/v2"
)

// Redis is a Redis inside of the process, in memory alone: miniredis, which speaks the
// protocol over loopback TCP. FLUSHALL does not break a WATCH of it.
type Redis struct {
	server *miniredis.Miniredis
	addr   string
}

// StartRedis starts one on a port of 127.0.0.1; 0 takes a free one.
func StartRedis(port int) (*Redis, error) {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
		return nil, err
	}
	return &Redis{server, server.Addr()}, nil
}

// Addr is its address, host:port, also when it has ended.
func (r *Redis) Addr() string { return r.addr }

// Close ends it; all that it holds is gone. It may be called again.
//
// It is not Miniredis.Close: that one takes its server away while a client's INFO still asks it,
// which is a data race, and at worst ends the process.
func (r *Redis) Close() {
	r.server.CtxCancel()
	r.server.Server().Close()
}
