package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// quorumTopic holds the metadata of a cluster without ZooKeeper, in one partition.
const quorumTopic = "__cluster_metadata"

// describeQuorum is the number of the request, which kafka-go does not know, and quorumVersion
// the first version of it that tells times (Kafka 3.3).
const (
	describeQuorum protocol.ApiKey = 55
	quorumVersion  int16           = 1
)

// NoClock says that a cluster tells no time.
type NoClock struct{ Err error }

func (e *NoClock) Error() string { return fmt.Sprintf("the cluster does not tell the time: %v", e.Err) }

func (e *NoClock) Unwrap() error { return e.Err }

// ControllerClock tells which broker is the active controller, and how far its clock is ahead of
// this host's. It is the only clock that brokers tell by a request: of itself the leader of the
// quorum says that it has caught up as of now. The error is a *NoClock if they do not.
func (c *Client) ControllerClock(ctx context.Context) (id int32, ahead time.Duration, err error) {
	right := needs{onCluster: "Describe"}
	var untold error
	err = c.persist(ctx, "ask for the clock of the controller", right, func() error {
		var asked, answered time.Time
		var answer told
		err := errors.New("no broker")
		for i := 0; i < len(c.config.Brokers) && err != nil; i++ {
			answer, asked, err = c.quorum(ctx, c.config.Brokers[i])
			answered = time.Now()
		}
		if errors.As(err, new(*NoClock)) {
			untold = err
			return nil
		}
		if err != nil {
			return err
		}
		code, leader, at := leaderTime(answer)
		switch {
		case errors.Is(code, kafkago.ClusterAuthorizationFailed):
			return c.denied(right, code)
		case code != 0:
			untold = &NoClock{code}
		case at.IsZero():
			untold = &NoClock{errors.New("the leader of the quorum does not say it of itself")}
		}
		id, ahead = leader, at.Sub(asked.Add(answered.Sub(asked)/2))
		return nil
	})
	return id, ahead, errors.Join(err, untold)
}

// leaderTime is what the leader of the quorum says of itself; 0 if it says nothing.
func leaderTime(a told) (code kafkago.Error, leader int32, at time.Time) {
	a.tags() // of the header
	if code = kafkago.Error(a.int16()); code != 0 {
		return code, 0, at
	}
	if a.count() != 1 {
		return 0, 0, at
	}
	a.skip(a.count()) // its name
	if a.count() != 1 {
		return 0, 0, at
	}
	a.int32() // its number
	code = kafkago.Error(a.int16())
	leader = a.int32()
	a.skip(4 + 8) // its epoch, the high watermark
	for n := a.count(); n > 0 && len(a) > 0; n-- {
		voter := a.int32()
		a.skip(8 + 8) // the end of its log, its last fetch
		caughtUp := a.int64()
		a.tags()
		if voter == leader && caughtUp > 0 {
			return code, leader, time.UnixMilli(caughtUp)
		}
	}
	return code, leader, at
}

// quorum asks one broker, on a connection of its own.
func (c *Client) quorum(ctx context.Context, address string) (answer told, asked time.Time, err error) {
	conn, err := c.dial(ctx, "tcp", address)
	if err != nil {
		return nil, asked, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(c.config.DialTimeout))
	known, err := askRaw(conn, rawHeader(c.config.ClientID, apiVersions, 0), maxTold)
	if err != nil {
		return nil, asked, err
	}
	if greatestVersion(known, describeQuorum) < quorumVersion {
		return nil, asked, &NoClock{errors.New("it has no KRaft, or is older than Kafka 3.3")}
	}
	b := append(rawHeader(c.config.ClientID, describeQuorum, quorumVersion), 0) // no tags
	b = append(b, 1+1)                                                          // one topic
	b = binary.AppendUvarint(b, uint64(len(quorumTopic)+1))
	b = append(b, quorumTopic...)
	b = append(b, 1+1, 0, 0, 0, 0, 0, 0, 0) // one partition, 0, and no tags of three things
	asked = time.Now()
	answer, err = askRaw(conn, b, maxTold)
	return answer, asked, err
}
