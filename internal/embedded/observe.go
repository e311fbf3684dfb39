package embedded

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OnProduce calls see for every partition of every Produce request from now
// on, so that a test can prove that a hop really crosses the broker. see runs
// within the broker: it must be quick and must not call it.
func (b *Broker) OnProduce(see func(topic string, partition int32, bytes int)) {
	b.cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		for _, t := range r.(*kmsg.ProduceRequest).Topics {
			for _, p := range t.Partitions {
				see(t.Topic, p.Partition, len(p.Records))
			}
		}
		return nil, nil, false
	})
}
