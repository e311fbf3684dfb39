// Broker is an embedded broker in a process of its own, for tests that kill it like the one of
// a data centre: broker PORT CLUSTER DIR. It prints its address, and goes on until its standard
// input ends. It is built without the race detector: no one sees what that finds in a process
// that is killed, and the broker's own tests have it.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spanway/spanway/internal/embedded"
)

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: broker PORT CLUSTER DIR")
	}
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("port: %w", err)
	}
	b, err := embedded.Start(embedded.Config{Port: port, ClusterID: args[1], DataDir: args[2], SyncWrites: true})
	if err != nil {
		return err
	}
	fmt.Println(b.Addr())
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-b.Failed():
		return b.Err()
	}
}
