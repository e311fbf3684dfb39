// Package commands is the router by which a service handles commands that come as
// messages: a Watermill router with the middlewares that Spanway's services agree
// on, made of Watermill's own. Paths that need batches and explicit offsets, such
// as the scheduler's, read their topics themselves.
//
//	router, err := commands.NewRouter(commands.Config{DeadLetters: publisher})
//	if err != nil {
//		return err
//	}
//	router.AddNoPublisherHandler("invoices", "orders.placed", subscriber, invoice)
//	return router.Run(ctx)
//
// What becomes of a message, from the outermost middleware to the innermost:
//
//	correlate  what the handler produces has the correlation ID of what it handled
//	poison     an error that is left goes to the dead-letter topic, and the message
//	           is acknowledged, so that it blocks nothing; `spanway log dead` shows it
//	process    one span for each message: a child of its producer's, with a link
//	retry      an error is tried again with backoff and jitter, but not Poison's
//	recover    a panic is an error
//
// It owns no topic and no state. A message whose handling is interrupted, because
// the service stops or its partition goes to another, is neither acknowledged nor
// poison: it comes again. So it does if the dead-letter topic cannot be written.
// After a crash every message that was not acknowledged comes again, and handlers
// bear that. A command that is understood and refused is no error: its handler
// publishes the refusal as an event.
package commands
