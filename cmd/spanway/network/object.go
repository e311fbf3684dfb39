package network

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
)

// object is one as files have it and get prints it: the JSON mapping of a NetworkObject, and
// the revision that its writer has seen. The names are stable.
type object struct {
	Path string `json:"path"`
	// Revision is the number of the change that the object was last changed by. In a file: it is
	// refused if the object has another one by now; absent: whatever it has.
	Revision *uint64           `json:"revision,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Span     *span             `json:"span,omitempty"`
	Network  *networkSpec      `json:"network,omitempty"`
	Segment  *segmentSpec      `json:"segment,omitempty"`
	Router   *routerSpec       `json:"router,omitempty"`
	Group    *groupSpec        `json:"group,omitempty"`
	Rule     *ruleSpec         `json:"rule,omitempty"`
	Chain    *chainSpec        `json:"chain,omitempty"`
}

type span struct {
	Sites     []string `json:"sites,omitempty"`
	Selector  string   `json:"selector,omitempty"`
	WhereUsed bool     `json:"whereUsed,omitempty"`
}

type networkSpec struct {
	Description string `json:"description,omitempty"`
}

type segmentSpec struct {
	CIDR   string `json:"cidr,omitempty"`
	Router string `json:"router,omitempty"`
	VLAN   uint32 `json:"vlan,omitempty"`
}

type routerSpec struct {
	Uplink string   `json:"uplink,omitempty"`
	Routes []string `json:"routes,omitempty"`
}

type groupSpec struct {
	Segments  []string `json:"segments,omitempty"`
	Groups    []string `json:"groups,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
}

type ruleSpec struct {
	From     []string `json:"from,omitempty"`
	To       []string `json:"to,omitempty"`
	Protocol string   `json:"protocol,omitempty"`
	Ports    []string `json:"ports,omitempty"`
	Action   string   `json:"action,omitempty"`
	Priority uint32   `json:"priority,omitempty"`
}

type chainSpec struct {
	From      []string `json:"from,omitempty"`
	To        []string `json:"to,omitempty"`
	Functions []string `json:"functions,omitempty"`
	Paths     uint32   `json:"paths,omitempty"`
	OnFailure string   `json:"onFailure,omitempty"`
}

// message is the object as it travels. The error says which of its fields are too many.
func (o *object) message() (*events.NetworkObject, error) {
	bare := *o
	bare.Revision = nil
	b, err := json.Marshal(&bare)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", o.Path, err)
	}
	m := &events.NetworkObject{}
	if err := protojson.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("an object has one of network, segment, router, group, rule and chain: that of its path")
	}
	return m, nil
}

// objectOf is an object as it stands in the log.
func objectOf(o *model.Object) (object, error) {
	out, err := viewOf(o.Message)
	out.Revision = &o.Revision
	return out, err
}

func viewOf(m *events.NetworkObject) (out object, err error) {
	b, err := events.MarshalJSON(m)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		return out, fmt.Errorf("write %s: %w", m.GetPath(), err)
	}
	return out, nil
}
