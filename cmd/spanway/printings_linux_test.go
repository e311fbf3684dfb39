package main

// printing is a call of a command that makes it print something to standard output.
type printing struct {
	args string // MODE stands for table or json
	// once is a command that is called as soon as this one says that it watches.
	once string
	// slow is called with output in one mode only.
	slow bool
}

// printings are calls of every command, by its path.
var printings = map[string][]printing{
	"spanway": {{args: ""}, {args: "--help"}},

	"spanway bench":                 {{args: "--help"}},
	"spanway bench network":         {{args: "bench network --sites 2 --changes 5 --singles 2 --objects 20"}},
	"spanway bench ids":             {{args: "bench ids --callers 4 --rounds 1 --duration 20ms --sizes 20"}},
	"spanway bench mirror":          {{args: "bench mirror --records 200 --sizes 20 --partitions 1 --rate 100 --duration 100ms --found 1 --crowd 1"}},
	"spanway bench pools":           {{args: "bench pools --tasks 40 --schedulers 2 --pools 1 --slots 20", slow: true}},
	"spanway bench queue":           {{args: "bench queue --entries 200 --rounds 1 --claims 20 --singles 5 --sizes 50"}},
	"spanway bench tasks":           {{args: "bench tasks --tasks 20 --rounds 1 --slots 20 --rate 0"}},
	"spanway completion":            {{args: "completion"}},
	"spanway completion bash":       {{args: "completion bash"}},
	"spanway completion fish":       {{args: "completion fish"}},
	"spanway completion powershell": {{args: "completion powershell"}},
	"spanway completion zsh":        {{args: "completion zsh"}},
	"spanway dev":                   {{args: "dev --port 0 --http= --log-level error"}},
	"spanway doctor":                {{args: "doctor --listen 0"}},
	"spanway engine":                {{args: "engine --help"}},
	"spanway engine drain":          {{args: "engine drain local-1"}},
	"spanway engine list":           {{args: "engine list"}},
	"spanway engine resume":         {{args: "engine resume local-1"}},
	"spanway engine show":           {{args: "engine show local-1"}},
	"spanway engine watch":          {{args: "engine watch", once: "engine resume local-1"}},
	"spanway healthcheck":           {{args: "healthcheck --help"}}, // Else it says nothing.
	"spanway help":                  {{args: "help"}, {args: "help task submit"}},
	"spanway id":                    {{args: "id --help"}},
	"spanway id create":             {{args: "id create made-MODE --to 9"}},
	"spanway id delete":             {{args: "id delete deleted-MODE"}},
	"spanway id grant":              {{args: "id grant full"}},
	"spanway id grow":               {{args: "id grow full --to 2000"}},
	"spanway id list":               {{args: "id list"}},
	"spanway id release":            {{args: "id release full --request-id released-MODE"}},
	"spanway id renew":              {{args: "id renew full --request-id held --lease 1h"}},
	"spanway id reserve":            {{args: "id reserve full --from 900 --request-id same"}},
	"spanway id show":               {{args: "id show full"}, {args: "id show full --ranges"}, {args: "id show full/1"}},
	"spanway id watch":              {{args: "id watch full", once: "id grant full"}},
	"spanway link":                  {{args: "link --help"}},
	"spanway link announce":         {{args: "link announce full --topic full"}},
	"spanway link applications":     {{args: "link applications"}},
	"spanway link apply":            {{args: "link apply full --source ams --include full --dry-run"}, {args: "link apply full --source ams --include full-MODE"}},
	"spanway link audit":            {{args: "link audit --help"}}, // It takes two clusters.
	"spanway link delete":           {{args: "link delete deleted-MODE"}},
	"spanway link failover":         {{args: "link failover --help"}}, // As link audit.
	"spanway link group":            {{args: "link group --help"}},
	"spanway link group apply":      {{args: "link group apply full --topic full-MODE"}},
	"spanway link group delete":     {{args: "link group delete deleted-MODE"}},
	"spanway link group list":       {{args: "link group list"}},
	"spanway link groups":           {{args: "link groups --help"}}, // As link audit.
	"spanway link import":           {{args: "link import --help"}},
	"spanway link list":             {{args: "link list"}},
	"spanway link pause":            {{args: "link pause full"}},
	"spanway link resume":           {{args: "link resume full"}},
	"spanway link show":             {{args: "link show full"}, {args: "link show full --partitions"}},
	"spanway link translate":        {{args: "link translate --help"}}, // As link audit.
	"spanway link watch":            {{args: "link watch", once: "link resume full"}},
	"spanway link withdraw":         {{args: "link withdraw full"}},
	"spanway log":                   {{args: "log --help"}},
	"spanway log dead":              {{args: "log dead"}, {args: "log dead --replay --all --dry-run"}},
	"spanway log list":              {{args: "log list"}},
	"spanway log replay":            {{args: "log replay"}},
	"spanway log show":              {{args: "log show tasks.events"}, {args: "log show tasks.events/11@0"}, {args: "log show tasks.events/11@20"}},
	"spanway log tail":              {{args: "log tail tasks.events --from-start"}, {args: "log tail tasks.requests --from-start"}},
	"spanway log reset":             {{args: "log reset tasks.events/RESET-MODE --accept-loss"}},
	"spanway network":               {{args: "network --help"}},
	"spanway network apply":         {{args: "network apply -f NETWORK --dry-run"}, {args: "network apply -f NETWORK"}},
	"spanway network delete":        {{args: "network delete /networks/shop --dry-run"}},
	"spanway network diff":          {{args: "network diff -f OTHER"}},
	"spanway network get":           {{args: "network get"}},
	"spanway network history":       {{args: "network history"}},
	"spanway network list":          {{args: "network list"}},
	"spanway network promote":       {{args: "network promote --help"}}, // As link audit.
	"spanway network revert":        {{args: "network revert 1 /networks/shop --dry-run"}, {args: "network revert 3 /networks/MODE"}},
	"spanway network show":          {{args: "network show /networks/shop"}},
	"spanway network why":           {{args: "network why /networks/shop --site ams"}},
	"spanway network withdraw":      {{args: "network withdraw CHANGE-MODE"}},
	"spanway pool":                  {{args: "pool --help"}},
	"spanway pool list":             {{args: "pool list"}},
	"spanway pool promote":          {{args: "pool promote --help"}}, // As link audit.
	"spanway pool replace":          {{args: "pool replace given-up-MODE"}},
	"spanway pool set":              {{args: "pool set default --weight acme=2"}},
	"spanway pool show":             {{args: "pool show default"}},
	"spanway pool watch":            {{args: "pool watch", once: "pool set default --weight acme=3"}},
	"spanway principal":             {{args: "principal --help"}},
	"spanway principal apply":       {{args: "principal apply -f ../../deploy/secure/principals-ams.yaml --dry-run"}},
	"spanway principal list":        {{args: "principal list --help"}}, // It takes a broker with an authorizer.
	"spanway principal show":        {{args: "principal show --help"}}, // As above.
	"spanway queue":                 {{args: "queue --help"}},
	"spanway queue claim":           {{args: "queue claim full"}},
	"spanway queue configure":       {{args: "queue configure full --max-entries 1000"}},
	"spanway queue create":          {{args: "queue create made-MODE"}},
	"spanway queue delete":          {{args: "queue delete deleted-MODE"}},
	"spanway queue done":            {{args: "queue done --help"}, {args: "queue done full done-MODE --token TOKEN"}},
	"spanway queue enqueue":         {{args: "queue enqueue full FILE"}, {args: "queue enqueue full FILE --id whole-MODE"}},
	"spanway queue extend":          {{args: "queue extend full claimed --token TOKEN"}},
	"spanway queue list":            {{args: "queue list"}, {args: "queue list full"}, {args: "queue list full --payloads"}},
	"spanway queue release":         {{args: "queue release full released-MODE --token TOKEN"}},
	"spanway queue remove":          {{args: "queue remove full removed-MODE"}},
	"spanway queue show":            {{args: "queue show full"}, {args: "queue show full hostile"}},
	"spanway queue trim":            {{args: "queue trim sequence --through 3"}},
	"spanway queue watch":           {{args: "queue watch full", once: "queue enqueue full FILE"}},
	"spanway serve":                 {{args: "serve --help"}},
	"spanway serve allocator":       {{args: "serve allocator --help"}},  // Else it says nothing.
	"spanway serve engine":          {{args: "serve engine --help"}},     // As above.
	"spanway serve queues":          {{args: "serve queues --help"}},     // As above.
	"spanway serve manager":         {{args: "serve manager --help"}},    // As above.
	"spanway serve replicator":      {{args: "serve replicator --help"}}, // As above.
	"spanway serve scheduler":       {{args: "serve scheduler --help"}},  // As above.
	"spanway site":                  {{args: "site --help"}},
	"spanway site add":              {{args: "site add more-MODE"}},
	"spanway site list":             {{args: "site list"}},
	"spanway site resync":           {{args: "site resync ams"}},
	"spanway site retire":           {{args: "site retire gone-MODE"}},
	"spanway site show":             {{args: "site show ams"}},
	"spanway task":                  {{args: "task --help"}},
	"spanway task cancel":           {{args: "task cancel waits-MODE"}, {args: "task cancel --all --dry-run"}, {args: "task cancel --kind none"}},
	"spanway task list":             {{args: "task list --state all"}},
	"spanway task retry":            {{args: "task retry dead"}, {args: "task retry dead --wait"}},
	"spanway task show":             {{args: "task show done"}, {args: "task show hostile"}, {args: "task show dropped"}},
	"spanway task submit": {
		{args: "task submit -k noop"},
		{args: "task submit --wait -- cat /etc/hostname"},
		{args: "task submit --wait --follow -- cat /etc/hostname"},
		{args: "task submit -k noop --dry-run"},
		{args: "task submit -k noop --every 1ms"},
		{args: "task submit --every 1ms --wait -- cat /etc/hostname"},
		{args: "task submit --file FILE"},
		{args: "task submit --file FILE --wait"},
	},
	"spanway task watch":   {{args: "task watch done"}, {args: "task watch done --raw"}, {args: "task watch hostile"}, {args: "task watch", once: "task submit -k noop"}},
	"spanway task what-if": {{args: "task what-if"}, {args: "task what-if --where false"}},
	"spanway task why":     {{args: "task why stuck"}, {args: "task why held"}},
	"spanway trace":        {{args: "trace done"}},
	"spanway verify":       {{args: "verify"}},
	"spanway version":      {{args: "version"}},
}
