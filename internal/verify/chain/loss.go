package chain

import "github.com/spanway/spanway/pkg/events"

// tailLost: acknowledged records are gone from the end of the log.
func (p *Partition) tailLost(where At, m *events.LogTailLost) {
	p.Find(RuleLoss, where, "acknowledged records are gone from the end of the log: %s had seen event %d of epoch %d, "+
		"but here the log ended with event %d of epoch %d; what followed that one is lost",
		m.GetWitness(), m.GetSeenN(), m.GetSeenEpoch(), m.GetN(), m.GetEpoch())
	p.lossy = true
	p.excuse(m.GetSeenEpoch())
}

// lossAccepted: an operator gave up a part of the log, which begins anew.
func (p *Partition) lossAccepted(where At, m *events.LogLossAccepted) {
	p.Find(RuleLoss, where, "the loss of offsets %d to %d was accepted (%q): %s",
		m.GetFrom(), m.GetTo()-1, m.GetReason(), p.contents.Forget())
	p.lossy, p.version = true, UnknownVersion
	p.excuse(p.chain.epoch)
}

// excuse turns what was found of an owner up to that epoch into what it was: the
// consequence of a loss that the owner could not know of yet.
func (p *Partition) excuse(epoch uint32) {
	for i := range p.report.Findings {
		if f := &p.report.Findings[i]; f.epoch > 0 && f.epoch <= epoch {
			f.Rule, f.epoch = RuleLoss, 0
			p.report.Losses++
		}
	}
}

// Blame is the rule under which it is found that something outside was told what
// the log does not have. After a loss that is no wonder.
func (p *Partition) Blame() string {
	if p.lossy {
		return RuleLoss
	}
	return "G6"
}
