package apache

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"
)

// probe asks the broker which requests it knows: the first thing that it
// answers, and only once it serves all others. It is written out here so that
// the tests' Kafka depends on no client.
func probe(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	const apiVersions, version, correlation = 18, 0, 1
	request := binary.BigEndian.AppendUint32(nil, 10)
	request = binary.BigEndian.AppendUint16(request, apiVersions)
	request = binary.BigEndian.AppendUint16(request, version)
	request = binary.BigEndian.AppendUint32(request, correlation)
	request = binary.BigEndian.AppendUint16(request, 0xFFFF) // no client ID
	if _, err := conn.Write(request); err != nil {
		return err
	}
	var answer [10]byte // size, correlation, error code
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	if code := binary.BigEndian.Uint16(answer[8:]); code != 0 {
		return fmt.Errorf("ask Kafka on %s for its requests: error code %d", addr, code)
	}
	return nil
}

// clusterID is a new UUID as Kafka writes it.
func clusterID() string {
	var id [16]byte
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	id[0] &= 0x7F // A leading dash would look like a flag.
	return base64.RawURLEncoding.EncodeToString(id[:])
}
