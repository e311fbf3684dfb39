package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
)

// Shout is a handler as applications have them: a message in, messages out. Its
// UUID is derived, so that a repeat is known for one.
func Shout(m *message.Message) ([]*message.Message, error) {
	if len(m.Payload) == 0 {
		return nil, errors.New("there is nothing to shout")
	}
	return []*message.Message{message.NewMessage("shout-"+m.UUID, bytes.ToUpper(m.Payload))}, nil
}

// Greet is one that produces nothing.
func Greet(m *message.Message) error {
	if bytes.Contains(m.Payload, []byte("GOODBYE")) {
		return errors.New("nobody says goodbye to a greeter")
	}
	fmt.Printf("%s: hello, %s\n", middleware.MessageCorrelationID(m), m.Payload)
	return nil
}
