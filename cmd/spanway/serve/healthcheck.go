package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

// healthcheckCommand asks a service of this host whether it is ready, for images
// without a shell: the service and its health check are one program.
func Healthcheck(a *cli.App) *cobra.Command {
	var address string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a service at its --http address whether it is ready; exit code 3 if not",
		Args:  cli.None,
		Example: `  spanway serve scheduler --http :8080
  spanway healthcheck --http :8080`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, err := readyURL(address)
			if err != nil {
				return cli.Usage("--http %q: %w", address, err)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return askReady(ctx, url)
		},
	}
	f := c.Flags()
	f.StringVar(&address, "http", "", "address that the service was given as --http, host:port; without a host 127.0.0.1")
	cli.Checked(f, "http", func(text string) error {
		_, err := readyURL(text)
		return err
	})
	cli.Variables(f, "http")
	f.DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	return c
}

// readyURL is where a service that listens on address says whether it is ready.
func readyURL(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" || port == "0" {
		return "", errors.New("give the address of the service as host:port, such as 127.0.0.1:8080")
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/readyz", nil
}

func askReady(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return cli.Usage("ask %s: %w", url, err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // No proxy: the service is on this host.
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("is the service running and ready: %w", err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return errors.Join(fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(said))), err)
}
