package kafka_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
)

// answers is a listener that answers whatever it is asked with the same bytes, and closes.
func answers(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 100))
			_, _ = conn.Write([]byte(text))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return l.Addr().String()
}

// What is no broker may answer anything: it is told of, and its bytes are not taken for the
// sizes of an answer. One kind of HTTP server answers nonsense at once, another waits for the
// end of a line.
func TestWhatIsNoBrokerIsTold(t *testing.T) {
	silent := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(silent.Close)
	const refused = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request"
	isHTTP := "an HTTP server answers here, not a Kafka broker"
	credentials := func() (kafka.Credentials, error) {
		return kafka.Credentials{Mechanism: kafka.Plain, Username: "u", Password: "p"}, nil
	}
	for name, c := range map[string]struct {
		addr     string
		security kafka.Security
		patience time.Duration
		says     string
	}{
		"HTTP":                     {answers(t, refused), kafka.Security{}, time.Minute, isHTTP},
		"HTTP and a password":      {answers(t, refused), kafka.Security{Credentials: credentials}, time.Minute, isHTTP},
		"HTTP that waits":          {silent.Listener.Addr().String(), kafka.Security{}, time.Minute, isHTTP},
		"SSH":                      {answers(t, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"), kafka.Security{}, 300 * time.Millisecond, "connect to the broker"},
		"Redis":                    {answers(t, "-ERR unknown command\r\n"), kafka.Security{}, 300 * time.Millisecond, "connect to the broker"},
		"nothing but that it ends": {answers(t, ""), kafka.Security{}, 300 * time.Millisecond, "connect to the broker"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := kafka.New(kafka.Config{
				Brokers: []string{c.addr}, Security: c.security, DialTimeout: 2 * time.Second, RetryBudget: c.patience,
			})
			defer client.Close()
			_, err := client.Topics(t.Context(), "")
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.addr) {
				t.Errorf("the error is %v, want %q", err, c.says)
			}
		})
	}
}
