// Package messages runs Watermill handlers as task handlers: what an application
// has written for a Watermill router (github.com/ThreeDotsLabs/watermill) serves
// as the handler of a kind of task, with its middlewares, and without change.
//
//	e.Handle("resize", messages.Handler(resize, messages.Config{
//		Publisher: publisher, Topic: "images.resized",
//	}))
//
// An attempt becomes a message, and the outcome of the handler that of the
// attempt:
//
//	the message                            what came of it
//	UUID      the task's ID                nil, or Ack   the attempt succeeded
//	Payload   the task's payload           an error      it failed; engine.Final and engine.Fail say more
//	Context   the handler's; Task finds    Nack          it failed with CodeNacked
//	          the *engine.Task in it       a panic       it failed with engine.CodePanic
//	Metadata  see the Metadata constants
//
// What the handler produces is published before the attempt succeeds, with the
// correlation ID and the trace of the task; without a Publisher a single message
// produced is the task's result.
//
// It owns no topic and keeps no state. What a router's Retry and PoisonQueue do is
// the scheduler's part: an attempt that failed is tried again under the task's
// retry policy, perhaps on another engine, and a task whose attempts are used up
// goes to the dead-letter topic. After a crash the task is run again, and what it
// had produced may be published twice: as of every message, its consumers tell
// repeats by its UUID, which a handler should derive from the task's ID.
package messages
