package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
)

// order is what an entry of the queue asks for.
type order struct {
	From   int   `json:"from"`
	To     int   `json:"to"`
	Amount int64 `json:"amount"`
	// Report asks every process for the hash of its accounts at this place.
	Report bool `json:"report,omitempty"`
}

const (
	accounts = 10
	each     = 1000 // at the beginning
)

// ledger is a state machine: a function of the orders that it was given, and nothing else.
type ledger struct {
	balance [accounts]int64
	moved   int // transfers that were possible
}

func newLedger() *ledger {
	l := &ledger{}
	for i := range l.balance {
		l.balance[i] = each
	}
	return l
}

// apply does an order. What it cannot do it leaves undone: every process does the same.
func (l *ledger) apply(data []byte) (report bool) {
	var o order
	if json.Unmarshal(data, &o) != nil {
		return false
	}
	possible := o.From >= 0 && o.From < accounts && o.To >= 0 && o.To < accounts && o.Amount > 0
	if possible && l.balance[o.From] >= o.Amount {
		l.balance[o.From] -= o.Amount
		l.balance[o.To] += o.Amount
		l.moved++
	}
	return o.Report
}

// hash is that of all accounts.
func (l *ledger) hash() string {
	h := fnv.New64a()
	fmt.Fprint(h, l.balance, l.moved)
	return fmt.Sprintf("%016x", h.Sum64())
}
