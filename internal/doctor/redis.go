package doctor

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/spanway/spanway/services/allocator/store"
)

// synced judges when the append-only file is on disk.
func synced(f *findings, s store.Server) {
	const check = "redis.persistence"
	subject := "redis " + s.Address
	if s.Info["aof_enabled"] != "1" {
		return
	}
	switch {
	case s.AppendFsync == "" && s.FsyncErr != nil:
		f.add(Unknown, check, subject, "", "appendfsync could not be read: see to it that it is always: %v", s.FsyncErr)
	case s.AppendFsync == "":
		f.add(Unknown, check, subject, "", "it does not tell appendfsync: see to it that it is always")
	case s.AppendFsync == "always":
		f.add(OK, check, subject, "", "appendfsync is always")
	default:
		f.add(Warning, check, subject, "set appendfsync to always", "appendfsync is %s: when the machine fails, what it acknowledged last is forgotten, proposed again and refused by the log", s.AppendFsync)
	}
}

// written judges whether the server may be written to.
func written(f *findings, subject string, info map[string]string) {
	if role := info["role"]; role != "" && role != "master" {
		f.add(Problem, "redis.role", subject, "name the master, or its Sentinels (--redis-master)", "it is a replica, and refuses writes")
	}
}

// redis judges the servers that an allocator proposes in. Redis may lose all it holds, and no
// identifier is granted twice: the log decides. But what it forgets is proposed again, and
// refused.
func redis(f *findings, facts Facts) {
	if facts.RedisErr != nil {
		f.add(Problem, "redis.reach", "redis", reachRedis(facts.RedisErr), "%v", facts.RedisErr)
		return
	}
	for _, s := range facts.Redis {
		subject := "redis " + s.Address
		if s.Err != nil {
			f.unknown("redis.settings", subject, s.Err)
			continue
		}
		f.add(OK, "redis.version", subject, "", "it is Redis %s", cmp.Or(s.Info["redis_version"], "of an unknown version"))
		written(f, subject, s.Info)
		persistence(f, subject, s.Info)
		synced(f, s)
		memory(f, subject, s.Info)
		if s.ClockErr != nil {
			f.unknown("redis.clock", subject, s.ClockErr)
			continue
		}
		skew(f, "redis.clock", subject, s.Ahead)
	}
}

// reachRedis is what to do about a Redis that does not answer, by what it, or the connection, says.
func reachRedis(err error) string {
	const until = ": until then no identifier is granted"
	for _, known := range []struct{ says, do string }{
		{"NOAUTH", "give its password (--redis-password-file)"},
		{"WRONGPASS", "give the password of --redis-username, or of its default user"},
		{"NOPERM", "give this user the rights that an allocator needs (docs/security.md)"},
		{"tls: ", "look whether this port speaks TLS (--redis-tls), and with which CA (--redis-tls-ca)"},
		{"x509: ", "name the CA that has signed its certificate (--redis-tls-ca)"},
		{"EOF", "look whether this port speaks TLS where --redis-tls is given, and only there"},
		{"deadline exceeded", "look at --redis and whether the server runs, and whether this port speaks TLS where --redis-tls is given, and only there"},
	} {
		if strings.Contains(err.Error(), known.says) {
			return known.do + until
		}
	}
	return "look at --redis, and whether the server runs" + until
}

func persistence(f *findings, subject string, info map[string]string) {
	const check = "redis.persistence"
	enabled, told := info["aof_enabled"]
	switch {
	case !told:
		f.add(Unknown, check, subject, "", "INFO does not tell aof_enabled: see to it that appendonly is yes")
	case enabled == "0":
		f.add(Warning, check, subject, "set appendonly to yes", "appendonly is no: what is newer than its last dump is lost when it restarts")
	case info["aof_last_write_status"] != "" && info["aof_last_write_status"] != "ok":
		f.add(Problem, check, subject, "look at the disk of the server", "its last write to the append-only file failed")
	default:
		f.add(OK, check, subject, "", "it has an append-only file")
	}
	if info["rdb_last_bgsave_status"] == "err" {
		f.add(Problem, check, subject, "look at the disk and the memory of the server (vm.overcommit_memory), and at its log", "its last dump failed: by default it refuses writes until one succeeds")
	}
	if info["loading"] == "1" {
		f.add(Warning, "redis.reach", subject, "wait until it has done so", "it loads what it has on disk, and answers when it has done so")
	}
}

func memory(f *findings, subject string, info map[string]string) {
	const check = "redis.eviction"
	policy, told := info["maxmemory_policy"]
	switch {
	case !told:
		f.add(Unknown, check, subject, "", "INFO does not tell maxmemory_policy: see to it that it is noeviction")
	case strings.HasPrefix(policy, "allkeys-"):
		f.add(Warning, check, subject, "set maxmemory-policy to noeviction", "maxmemory-policy is %s: it may evict the keys of spaces", policy)
	default:
		f.add(OK, check, subject, "", "maxmemory-policy is %s", policy)
	}
	limit, _ := strconv.ParseInt(info["maxmemory"], 10, 64)
	used, _ := strconv.ParseInt(info["used_memory"], 10, 64)
	if limit > 0 && used > limit/10*9 {
		f.add(Warning, "redis.memory", subject, "raise maxmemory", "%d of %d bytes are used: it refuses writes when it is full", used, limit)
	}
}
