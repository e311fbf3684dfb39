package ids

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
)

// Client asks allocators. It is safe for concurrent use.
type Client struct {
	cfg    Config
	topics events.Topics
	// requestTopic is where requests stand.
	requestTopic string
	encoder      events.Encoder
	producer     *kafka.Producer
	guard        *mirrored.Guard
	ctx          context.Context // of all that runs; ends with Close
	stop         context.CancelFunc
	running      sync.WaitGroup
	closing      sync.Mutex // of what begins to run, and of stop
	requests     requestIDs
	together     together

	mu    sync.Mutex
	tails map[int32]*tail
}

// New makes a client; it connects on first use.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	c := &Client{
		cfg: cfg, topics: events.Topics{Prefix: cfg.Prefix}, encoder: events.Encoder{Source: cfg.Source, JSON: cfg.JSON},
		producer: cfg.Cluster.Kafka().Producer(kafka.ProducerOptions{Gather: true}), tails: map[int32]*tail{}, together: newTogether(),
	}
	c.requestTopic = c.topics.IDRequests()
	c.guard = cfg.Cluster.Guard(cfg.Prefix, c.topics.IDEvents())
	c.requests.begin()
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// run runs f in a goroutine that Close waits for, unless the client is closed.
func (c *Client) run(f func()) bool {
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	c.running.Go(f)
	return true
}

// Close ends what is under way: requests that are not answered end with *Unanswered, and
// all errors from then on are ErrClosed.
func (c *Client) Close() {
	c.closing.Lock()
	c.stop()
	c.closing.Unlock()
	c.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.producer.Close(ctx) // What was not acknowledged was not answered either.
}

// Rules are those of a space.
type Rules struct {
	Space string
	// From and To are the first and the last identifier: 0 to 9,007,199,254,740,991.
	From, To int64
	// Quarantine is how long a released range rests before it is granted again; an hour
	// if 0, none if below 0.
	Quarantine time.Duration
	// MaxCount is how many identifiers one grant may have; 65,536 if 0.
	MaxCount int64
}

// Want is a request for a range.
type Want struct {
	Space string
	// Count is how many identifiers; 1 if 0.
	Count int64
	// RequestID names the grant: the same again is the same grant, or CodeGrantEnded once
	// it has ended (the space's newest 100,000 of those are remembered); a fresh one if
	// empty.
	RequestID string
	// Owner is what holds the range; it is needed to renew or release it.
	Owner string
	// Lease is how long the range is held unless it is renewed, at least a millisecond;
	// until it is released if 0.
	Lease time.Duration
}

// Grant is a range that was granted.
type Grant struct {
	Space, RequestID, Owner string
	// From and To are the first and the last identifier.
	From, To int64
	// Generation is how often the range, or a part of it, was granted before.
	Generation int64
	// Offset is where the grant stands in the log: of one identifier it grows from grant to
	// grant, and fences what an earlier holder still does. Grants that were asked for at the
	// same time may have the same.
	Offset int64
	// Released is how many of the identifiers were released meanwhile, where the request
	// ID had a grant: which ones the log says.
	Released int64
	// Until is when the lease ends: it may last longer, and never shorter. It is zero if
	// there is none, or if the allocator does not know it.
	Until time.Time
	// Event is the grant as the log has it: the same on every repeat but for Released.
	Event *events.IdsRangeGranted
}

// Create makes a space, and refuses if it exists with other rules. Declare makes it or
// changes its rules: its bounds never become narrower.
func (c *Client) Create(ctx context.Context, r Rules) error { return c.declare(ctx, r, true) }

// Declare makes a space, or changes its rules: of one that exists, a quarantine and a MaxCount
// of 0 stay as they are.
func (c *Client) Declare(ctx context.Context, r Rules) error { return c.declare(ctx, r, false) }

func (c *Client) declare(ctx context.Context, r Rules, create bool) error {
	m := &events.IdsSpaceRequested{Space: r.Space, From: &r.From, To: r.To, MaxCount: r.MaxCount, Create: create}
	switch {
	case r.Quarantine < 0:
		m.Quarantine = "0s"
	case r.Quarantine > 0:
		m.Quarantine = r.Quarantine.String()
	}
	_, err := c.ask(ctx, r.Space, newID(), m)
	return wrap(err, "declare space %.256q", r.Space)
}

// Grow moves the end of a space.
func (c *Client) Grow(ctx context.Context, space string, to int64) error {
	_, err := c.ask(ctx, space, newID(), &events.IdsGrowRequested{Space: space, To: to})
	return wrap(err, "grow space %.256q to %d", space, to)
}

// Delete ends a space. If ranges of it are held it is refused, unless it is forced.
func (c *Client) Delete(ctx context.Context, space string, force bool) error {
	_, err := c.ask(ctx, space, newID(), &events.IdsDeleteRequested{Space: space, Force: force})
	return wrap(err, "delete space %.256q", space)
}

// Grant asks for a contiguous range.
func (c *Client) Grant(ctx context.Context, w Want) (Grant, error) {
	w.RequestID = cmp.Or(w.RequestID, c.requests.next())
	m := &events.IdsRangeRequested{
		Space: w.Space, RequestId: w.RequestID, Owner: w.Owner, Lease: lease(w.Lease), Count: proto.Int64(cmp.Or(w.Count, 1)),
	}
	return c.granted(ctx, w, m)
}

// Reserve asks for the given identifiers. Count is not used.
func (c *Client) Reserve(ctx context.Context, w Want, from, to int64) (Grant, error) {
	w.RequestID = cmp.Or(w.RequestID, c.requests.next())
	m := &events.IdsReserveRequested{Space: w.Space, RequestId: w.RequestID, Owner: w.Owner, Lease: lease(w.Lease), From: from, To: to}
	return c.granted(ctx, w, m)
}

func (c *Client) granted(ctx context.Context, w Want, m proto.Message) (Grant, error) {
	a, err := c.ask(ctx, w.Space, w.RequestID, m)
	if err != nil {
		return Grant{}, wrap(err, "get a range of space %.256q", w.Space)
	}
	g := a.GetGranted()
	return Grant{
		Until: until(a),
		Space: w.Space, RequestID: w.RequestID, Owner: g.GetOwner(), From: g.GetFrom(), To: g.GetTo(),
		Generation: g.GetGeneration(), Offset: a.Offset, Released: g.GetReleased(), Event: g,
	}, nil
}

func until(a *events.IdsAnswered) time.Time {
	if a.UntilMs <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(a.UntilMs)
}

// Renew makes the lease of a grant end that long from now; 0: it is held until it is
// released. It returns the grant with its new Until.
func (c *Client) Renew(ctx context.Context, g Grant, d time.Duration) (Grant, error) {
	a, err := c.ask(ctx, g.Space, g.RequestID, &events.IdsRenewRequested{Space: g.Space, RequestId: g.RequestID, Owner: g.Owner, Lease: lease(d)})
	if err != nil {
		return g, wrap(err, "renew request %.256q of space %.256q", g.RequestID, g.Space)
	}
	g.Until = until(a)
	return g, nil
}

// Release gives all of a grant back: it rests, and is granted again after that. Behind a
// request that ended with *Unanswered it may be handled before it, and be refused
// (events.CodeUnknownGrant), though the grant is to come: ask again with the same request
// ID and release after the answer, or release again.
func (c *Client) Release(ctx context.Context, g Grant) error {
	_, err := c.ask(ctx, g.Space, g.RequestID, &events.IdsReleaseRequested{Space: g.Space, RequestId: g.RequestID, Owner: g.Owner})
	return wrap(err, "release request %.256q of space %.256q", g.RequestID, g.Space)
}

// ReleasePart gives a part of a grant back.
func (c *Client) ReleasePart(ctx context.Context, g Grant, from, to int64) error {
	_, err := c.ask(ctx, g.Space, g.RequestID, &events.IdsReleaseRequested{
		Space: g.Space, RequestId: g.RequestID, Owner: g.Owner, From: proto.Int64(from), To: proto.Int64(to),
	})
	return wrap(err, "release %d to %d of request %.256q of space %.256q", from, to, g.RequestID, g.Space)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func lease(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// ask writes a command and waits for its answer.
func (c *Client) ask(ctx context.Context, space, requestID string, m proto.Message) (*events.IdsAnswered, error) {
	if err := checked(space, requestID); err != nil {
		return nil, err
	}
	if c.ctx.Err() != nil {
		return nil, ErrClosed
	}
	by := time.Now().Add(c.cfg.Timeout)
	if wants, ok := m.(*events.IdsRangeRequested); ok && c.together.joins(ctx, wants) {
		return c.askTogether(ctx, by, space, requestID, wants)
	}
	ctx, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	t, err := c.ready(ctx, space)
	if err != nil {
		return nil, err
	}
	w := newWaiter(ctx, by, space, requestID, events.TypeOf(m))
	t.wait(w)
	defer t.forget(w)
	if err := c.send(w, m); err != nil {
		return nil, err
	}
	return c.await(ctx, w, nil)
}

// ready is the tail that reads the answers for a space; what is asked now, it will read.
func (c *Client) ready(ctx context.Context, space string) (*tail, error) {
	partition := events.SpacePartition(space)
	if err := c.guard.Writable(ctx, partition); err != nil {
		return nil, err
	}
	return c.tail(ctx, partition)
}

// await waits for the answer, no longer than ctx and until over.
func (c *Client) await(ctx context.Context, w *waiter, over <-chan time.Time) (_ *events.IdsAnswered, err error) {
	select {
	case n := <-w.told:
		if n.answer != nil {
			return c.answered(ctx, w, n.answer)
		}
		err = n.err
	case <-c.ctx.Done():
	case <-over:
		err = context.DeadlineExceeded
	case <-ctx.Done():
		err = ctx.Err()
	}
	if c.ctx.Err() != nil { // Whatever else came of it.
		err = ErrClosed
	}
	return nil, &Unanswered{Space: w.space, RequestID: w.requestID, Err: err}
}

// send sends a command. Of a space its answer names the command's own ID; of a range the
// request ID.
func (c *Client) send(w *waiter, m proto.Message) error {
	rec, err := c.encoder.Encode(w.requestID, m, messaging.Inject(w.ctx)...)
	if err != nil {
		return err
	}
	rec.Key, rec.Timestamp = []byte(w.requestID), time.Now().UnixMilli()
	c.producer.Send(w.ctx, c.requestTopic, w.partition, rec, w.sent)
	return nil
}

// answered is what an answer says.
func (c *Client) answered(ctx context.Context, w *waiter, a *events.IdsAnswered) (*events.IdsAnswered, error) {
	if a.Code == "" {
		return a, nil
	}
	ctx, cancel := context.WithDeadline(ctx, w.by)
	defer cancel()
	return nil, &Refused{
		Space: w.space, RequestID: w.requestID, Code: events.Code(a.Code), Text: a.Text,
		Room: a.Room, Held: a.Held, HeldMore: a.HeldMore, Ended: a.Ended, EndedAt: c.writtenAt(ctx, w.space, a.Ended),
	}
}

// writtenAt is when a record of the log of a space was written; zero if it is not there any
// more, or for offset 0, where no grant ends.
func (c *Client) writtenAt(ctx context.Context, space string, offset int64) time.Time {
	if offset <= 0 {
		return time.Time{}
	}
	log := c.cfg.Cluster.Kafka().Partition(c.topics.IDEvents(), events.SpacePartition(space))
	page, err := log.Fetch(ctx, offset, fetchWait)
	if err != nil || len(page.Records) == 0 || page.Records[0].Offset != offset {
		return time.Time{}
	}
	return time.UnixMilli(page.Records[0].Timestamp)
}

// checked refuses what an allocator could not answer.
func checked(space, requestID string) error {
	err := events.CheckID("the space", space)
	if err == nil {
		err = events.CheckID("the request ID", requestID)
	}
	if err == nil { // What follows allocates.
		return nil
	}
	var bad *events.Malformed
	if errors.As(err, &bad) {
		return &Refused{Space: space, RequestID: requestID, Code: bad.Code, Text: bad.Message}
	}
	return err
}
