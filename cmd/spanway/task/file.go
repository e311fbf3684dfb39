package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/render"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// inFlight bounds the tasks of a file that are waited for at once.
const inFlight = 5000

// submitFile submits one task for each line. A bad line does not stop the others.
func submitFile(ctx context.Context, a *cli.App, s *submission) error {
	if s.id != "" || s.payload != "" || len(s.command) > 0 {
		return cli.Usage("--file takes IDs, payloads and commands from the file; give --id, --payload or a command without it")
	}
	in := a.In
	if s.file != "-" {
		f, err := a.Open(s.file)
		if err != nil {
			return cli.Usage("read the tasks: %w", err)
		}
		defer f.Close()
		in = f
	}
	return a.Connected(ctx, func(ctx context.Context, c *cli.Conn) error {
		reading, stop := context.WithCancel(ctx)
		defer stop()
		b := &bulk{app: a, client: c, submission: s, bar: bar(a, in), warner: newWarner(c), room: make(chan struct{}, inFlight), stop: stop, again: againOfFile{moved: make(chan struct{}, 1)}}
		err := b.run(ctx, reading, cli.Until(reading, in))
		b.bar.Finish() //nolint:errcheck // It is only for the eye.
		b.tellAgain(ctx)
		return errors.Join(err, b.summary())
	})
}

// bar shows progress on a terminal, and nothing elsewhere. Its length is that of the file.
func bar(a *cli.App, in io.Reader) *progressbar.ProgressBar {
	length := int64(-1)
	if f, ok := in.(interface{ Stat() (os.FileInfo, error) }); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			length = info.Size()
		}
	}
	return progressbar.NewOptions64(length,
		progressbar.OptionSetWriter(a.Screen()), progressbar.OptionSetVisibility(cli.Terminal(a.Err)),
		progressbar.OptionShowBytes(true), progressbar.OptionSetDescription("tasks"),
		progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true),
		progressbar.OptionThrottle(100e6))
}

// bulk is the submission of a file.
type bulk struct {
	app        *cli.App
	client     *cli.Conn
	submission *submission
	bar        *progressbar.ProgressBar
	warner     *warner
	room       chan struct{}
	running    sync.WaitGroup

	// stop ends the reading: what follows could not be submitted either.
	stop func()

	mu                       sync.Mutex
	last                     int // line that was read
	unknown, unsent          int
	again                    againOfFile
	submitted, ended, failed int
	refused                  *client.Refused // the first
	refusals                 int
	lost                     error // the first that is no refusal
	failure                  *client.TaskFailed
}

// run submits what it reads, for as long as reading lasts, and waits for what became of it.
func (b *bulk) run(ctx, reading context.Context, in io.Reader) error {
	err := b.read(ctx, reading, cli.NewLines(in))
	b.running.Wait()
	if err != nil && ctx.Err() == nil {
		return err
	}
	return ctx.Err()
}

// read submits each line that is a task. Its error is that of the file as a whole.
func (b *bulk) read(ctx, reading context.Context, in *cli.Lines) error {
	for first := true; reading.Err() == nil; {
		refused, ok := in.Next()
		if !ok {
			break
		}
		b.last = in.Number
		if len(in.Text) == 0 && refused == nil {
			b.bar.Add(in.Bytes) //nolint:errcheck // As above.
			continue
		}
		if first {
			if err := checkForm(in, b.submission.file); err != nil {
				return err
			}
			first = false
		}
		if refused != nil {
			b.done(in.Number, in.Bytes, events.TaskID(""), client.Result{}, refused)
			continue
		}
		b.line(ctx, in)
	}
	if in.Err != nil {
		return cli.Usage("read line %d of %s: %w", in.Number, b.submission.file, in.Err)
	}
	return nil
}

// line submits the task of a line.
func (b *bulk) line(ctx context.Context, in *cli.Lines) {
	r, err := client.ParseRequest(in.Text)
	if err != nil {
		b.done(in.Number, in.Bytes, events.TaskID(""), client.Result{}, err)
		return
	}
	b.submission.complete(r)
	if r.Kind == "" {
		err := &client.Refused{Code: events.CodeBadData, Message: `kind is missing; add "kind" to the line, or give --kind for the lines that have none`}
		b.done(in.Number, in.Bytes, events.TaskID(r.TaskId), client.Result{}, err)
		return
	}
	b.warn(ctx, r)
	b.one(ctx, in.Number, in.Bytes, r)
}

// warn says once of a predicate that it names what no known engine has.
func (b *bulk) warn(ctx context.Context, r *events.TaskRequested) {
	if b.submission.dryRun {
		return
	}
	if warning := b.warner.about(ctx, r); warning != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		fmt.Fprintln(b.app.Err, warning)
	}
}

func (b *bulk) one(ctx context.Context, number, bytes int, r *events.TaskRequested) {
	switch {
	case b.submission.dryRun:
		b.done(number, bytes, events.TaskID(r.TaskId), client.Result{}, b.client.Validate(r))
	case b.submission.wait:
		select {
		case b.room <- struct{}{}:
		case <-ctx.Done():
			b.done(number, bytes, events.TaskID(r.TaskId), client.Result{}, notSent{ctx.Err()})
			return
		}
		b.running.Go(func() {
			given := r.TaskId != ""
			result, err := b.client.DoRequest(ctx, r)
			result.Repeated = result.Repeated && given
			if result.Repeated {
				b.knownAlready(number, bytes, r)
			}
			<-b.room
			b.done(number, bytes, result.ID, result, err)
		})
	default:
		b.running.Add(1)
		asks := r.TaskId != "" && b.asks()
		done := func(id events.TaskID, err error) {
			b.done(number, bytes, id, client.Result{ID: id, Pool: events.Pool(r.Pool)}, err)
			if asks && err != nil {
				b.settled()
			}
			b.running.Done()
		}
		if asks {
			b.client.SubmitRequestDecided(ctx, r, done, b.decided(number, bytes, r))
		} else {
			b.client.SubmitRequestAsync(ctx, r, done)
		}
	}
}

// done counts what became of one line, and prints it as JSON if that is wanted.
func (b *bulk) done(number, bytes int, id events.TaskID, result client.Result, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bar.Add(bytes) //nolint:errcheck // As above.
	var refused *client.Refused
	var failed *client.TaskFailed
	switch {
	case err == nil:
		b.submitted++
		b.ended += b2i(result.State.Ended())
	case errors.As(err, &failed):
		b.submitted++
		b.ended++
		b.failed++
		b.failure = failed
	case errors.As(err, &refused):
		b.refusals++
		if b.refused == nil {
			b.refused = refused
		}
		b.app.Notef("line %d: %v\n", number, err)
	default:
		b.lose(number, err)
	}
	if b.app.JSON() && id != "" && (err == nil || result.State.Ended()) {
		v := taskView{ID: string(id), Pool: string(result.Pool)}
		if result.State.Ended() {
			v = viewEnd(result, again{Already: result.Repeated})
		}
		b.app.Object(v) //nolint:errcheck // The output remembers it; the tasks matter more.
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// summary says how it went, and is the error of the whole.
func (b *bulk) summary() error {
	if b.unknown+b.unsent > 0 {
		if err := b.count(); err != nil {
			return err
		}
	} else if !b.app.JSON() {
		verb := "submitted"
		if b.submission.dryRun {
			verb = "valid"
		}
		line := fmt.Sprintf("%d %s, %d refused", b.submitted, verb, b.refusals)
		if b.submission.wait {
			line += fmt.Sprintf(", %d succeeded, %d failed", b.ended-b.failed, b.failed)
		}
		b.app.Printf("%s\n", line)
	}
	if n := b.submitted - b.ended; n > 0 && b.submission.wait {
		b.app.Notef("%s on; see them with: spanway task list\n", render.Count(int64(n), "task goes", "tasks go"))
	}
	switch {
	case b.lost != nil:
		return b.lost
	case b.refused != nil:
		return fmt.Errorf("%d of %d tasks were refused, the first: %w", b.refusals, b.refusals+b.submitted, b.refused)
	case b.failure != nil:
		return fmt.Errorf("%d of %d tasks did not succeed, such as: %w", b.failed, b.submitted, b.failure)
	}
	return nil
}

// dryRun checks a request and prints it as it would be sent.
func dryRun(a *cli.App, r *events.TaskRequested) error {
	at, err := a.Cluster("cli", slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer at.Close()
	c, err := client.New(client.Config{Cluster: at, Prefix: a.Prefix})
	if err != nil {
		return cli.Misuse(err)
	}
	defer c.Close(context.Background()) //nolint:errcheck // Nothing was sent.
	if err := c.Validate(r); err != nil {
		return err
	}
	data, err := events.MarshalJSON(r)
	if err != nil {
		return fmt.Errorf("write the request as JSON: %w", err)
	}
	return a.Object(json.RawMessage(data))
}
