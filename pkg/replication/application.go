package replication

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// Application says which topics of its cluster an application wants copied.
type Application struct {
	// Name is what links choose it by: as that of a link.
	Name string `json:"name"`
	// Topics are names, at least one and at most 1000.
	Topics []string `json:"topics"`
	// Model is links.Topic or links.Routed; links.Topic if it is empty.
	Model links.Model `json:"model,omitempty"`
	// Sites are those that they are copied to; all that have a link with the application
	// if it is empty.
	Sites []string `json:"sites,omitempty"`
	// Header names the sites of a record, for the model links.Routed; "sites" if it is empty.
	Header string `json:"header,omitempty"`
}

// Check says why the application cannot be announced: a *events.Malformed.
func (a Application) Check() error {
	if err := links.CheckName("the name of the application", a.Name); err != nil {
		return err
	}
	switch {
	case len(a.Topics) == 0:
		return events.Refuse(events.CodeBadData, "no topic is given; give one or more, or withdraw the application")
	case a.Model != "" && a.Model != links.Topic && a.Model != links.Routed:
		return events.Refuse(events.CodeBadData, "the model is %.50q; give %s or %s", a.Model, links.Topic, links.Routed)
	case a.Model != links.Routed && a.Header != "":
		return events.Refuse(events.CodeBadData, "a header is given, and the model is not %s; give that model", links.Routed)
	}
	if err := (Group{Name: a.Name, Topics: a.Topics, Sites: a.Sites}).Check(); err != nil {
		return err
	}
	if err := links.CheckTopics(a.Topics); err != nil {
		return err
	}
	return events.CheckOptionalID("the header", a.Header)
}

// Announce says in the cluster of an application that its topics are to be copied. It
// replaces what the application announced before. It returns once the record is kept.
func Announce(ctx context.Context, c *cluster.Cluster, o Options, a Application) error {
	what := fmt.Sprintf("announce application %.99q", a.Name)
	if err := a.Check(); err != nil {
		return refusal(what, err)
	}
	return o.tell(ctx, c, what, a.Name, &events.ReplicationApplicationAnnounced{
		Application: a.Name, Topics: a.Topics, Model: string(cmp.Or(a.Model, links.Topic)), Sites: a.Sites, Header: a.Header, AtMs: now(),
	})
}

// Withdraw ends what an application has announced. What was copied stays. One that has
// announced nothing is no error.
func Withdraw(ctx context.Context, c *cluster.Cluster, o Options, application string) error {
	what := fmt.Sprintf("withdraw application %.99q", application)
	if err := links.CheckName("the name of the application", application); err != nil {
		return refusal(what, err)
	}
	return o.tell(ctx, c, what, application, &events.ReplicationApplicationWithdrawn{Application: application, AtMs: now()})
}

// tell writes what an application says.
func (o Options) tell(ctx context.Context, c *cluster.Cluster, what, key string, m proto.Message) error {
	o = o.withDefaults()
	if err := events.CheckPrefix(o.Prefix); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	log := o.topics().ReplicationLog(o.topics().ReplicationApplications())
	r, err := o.encoder().Encode(fmt.Sprintf("%s@%d", key, now()), m)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	r.Key, r.Timestamp = []byte(key), now()
	if err := c.Guard(o.Prefix, log.Topic).Writable(ctx, -1); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if _, err := c.Ensure(ctx, events.Specs([]events.Log{log})); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if _, err := c.Partition(log.Topic, 0).Append(ctx, []events.Record{r}); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// BadAnnouncement is a record that announces nothing, as it is none of an application.
type BadAnnouncement struct {
	// Offset is that in partition 0 of replication.applications, and Key that of the record.
	Offset int64
	Key    string
	Why    error
}

// Announced are the applications of a cluster.
type Announced struct {
	// Applications are those that have announced themselves, by name.
	Applications []Application
	// Bad are the records that say nothing: the newest of each key, if nothing that can be
	// read came behind it, by key; 100 at most.
	Bad []BadAnnouncement
	// BadSince are all that were read since this was told last; 1,000 at most.
	BadSince []BadAnnouncement
}

const (
	mostBad      = 100
	mostBadSince = 1000
)

// applications is the table of those that have announced themselves.
type applications struct {
	of    map[string]Application
	bad   map[string]BadAnnouncement // by key
	since []BadAnnouncement
}

func newApplications(c *cluster.Cluster, prefix string) (*table, *applications) {
	a := &applications{of: map[string]Application{}, bad: map[string]BadAnnouncement{}}
	topic := events.Topics{Prefix: cmp.Or(prefix, events.DefaultPrefix)}.ReplicationApplications()
	return &table{cluster: c, topic: topic, set: a.set, clear: func() { clear(a.of); clear(a.bad) }}, a
}

// set folds a record. One that cannot be read, or whose key is not the application, says
// nothing: anybody may write there, and one program's mistake must not stop the others. It is
// told of.
func (a *applications) set(key string, r *events.Record) {
	if r.Value == nil {
		delete(a.of, key)
		delete(a.bad, key)
		return
	}
	if err := a.say(key, r); err != nil {
		bad := BadAnnouncement{Offset: r.Offset, Key: key, Why: err}
		if _, there := a.bad[key]; there || len(a.bad) < mostBad {
			a.bad[key] = bad
		}
		if len(a.since) < mostBadSince {
			a.since = append(a.since, bad)
		}
		return
	}
	delete(a.bad, key)
}

func (a *applications) say(key string, r *events.Record) error {
	m, err := events.Message(r)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *events.ReplicationApplicationAnnounced:
		said := Application{Name: m.Application, Topics: m.Topics, Model: cmp.Or(links.Model(m.Model), links.Topic), Sites: m.Sites, Header: m.Header}
		if err := said.Check(); err != nil {
			return err
		}
		if key != said.Name && key != "" {
			return events.Refuse(events.CodeBadData, "the key is %.99q, and the application %.99q: both must be its name", key, said.Name)
		}
		a.of[said.Name] = said
	case *events.ReplicationApplicationWithdrawn:
		delete(a.of, m.Application)
	default:
		return events.Refuse(events.CodeUnknownType, "it is neither an announcement nor a withdrawal")
	}
	return nil
}

// told is what there is to tell.
func (a *applications) told() Announced {
	all := Announced{Applications: a.list(), BadSince: a.since}
	a.since = nil
	for _, key := range slices.Sorted(maps.Keys(a.bad)) {
		all.Bad = append(all.Bad, a.bad[key])
	}
	return all
}

func (a *applications) list() []Application {
	return slices.SortedFunc(maps.Values(a.of), func(x, y Application) int { return strings.Compare(x.Name, y.Name) })
}

// Applications lists those that have announced themselves in a cluster, by name.
func Applications(ctx context.Context, c *cluster.Cluster, prefix string) ([]Application, error) {
	all, err := ReadAnnounced(ctx, c, prefix)
	return all.Applications, err
}

// ReadAnnounced is Applications, with the records that announce nothing.
func ReadAnnounced(ctx context.Context, c *cluster.Cluster, prefix string) (Announced, error) {
	t, a := newApplications(c, prefix)
	if _, _, err := t.read(ctx); err != nil {
		return Announced{}, t.wrong(err)
	}
	return a.told(), nil
}

// WatchApplications calls see with those that have announced themselves in a cluster, at
// once and on each change, until see or ctx ends it, or something fails.
func WatchApplications(ctx context.Context, c *cluster.Cluster, prefix string, see func([]Application) error) error {
	return WatchAnnounced(ctx, c, prefix, func(all Announced) error { return see(all.Applications) })
}

// WatchAnnounced is WatchApplications, with the records that announce nothing.
func WatchAnnounced(ctx context.Context, c *cluster.Cluster, prefix string, see func(Announced) error) error {
	t, a := newApplications(c, prefix)
	return t.follow(ctx, func() error { return see(a.told()) })
}
