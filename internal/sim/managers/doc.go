// Package managers is the story of a global manager and the local managers of its sites:
// changes, withdrawals, sites that come, go, are away and come back, queues that overflow,
// messages that are lost, doubled and late, crashes in the middle of full syncs, promotions here
// and elsewhere, and logs that lose their ends. In whatever order, in the end each site has what it must
// have, and its own objects (G11). Mutants of either side are found out.
package managers
