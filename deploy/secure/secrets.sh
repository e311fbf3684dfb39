#!/bin/sh
# Makes what docker-compose.secure.yml needs and what nobody else may have: an authority,
# certificates of brokers, Redis and administrators, a password for each principal.
#
#   secrets.sh [DIR]     into DIR; without it into $SECRETS, or .secrets at the root
#
# What is there and valid stays as it is: to replace something, delete its file, run this
# again, and bring the stack up with --force-recreate. It needs openssl.
#
# Containers run as users of their own, and Docker gives them a file with the rights that it
# has here. So all may read the files, and only you may enter the directory. The key of the
# authority is for you alone: no container has it.
set -euf

root=$(cd "$(dirname "$0")/../.." && pwd)
dir=${1:-${SECRETS:-$root/.secrets}}
days=825
umask 077
mkdir -p "$dir"
chmod 700 "$dir"
cd "$dir"

# put FILE MODE writes what comes in, all at once, unless that is nothing.
put() {
	cat >"$1.part"
	[ -s "$1.part" ]
	chmod "$2" "$1.part"
	mv "$1.part" "$1"
}

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256; }

authority() {
	[ ! -e ca.pem ] || return 0
	new_key | put ca.key 600
	openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj /CN=spanway-compose \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign | put ca.pem 644
}

# certificate NAME [HOST]... makes NAME.pem: a key, and behind it the certificate for
# these hosts, to serve and to connect, as Kafka reads both from one file.
certificate() {
	name=$1
	! openssl verify -CAfile ca.pem "$name.pem" >/dev/null 2>&1 || return 0
	[ -e ca.key ] || {
		echo "secrets.sh: $dir/ca.key is missing: put the key of the authority back, or delete ca.pem to begin anew" >&2
		exit 1
	}
	shift
	{
		echo "basicConstraints=critical,CA:FALSE"
		echo "keyUsage=critical,digitalSignature"
		echo "extendedKeyUsage=serverAuth,clientAuth"
		[ $# = 0 ] || {
			printf 'subjectAltName=IP:127.0.0.1'
			printf ',DNS:%s' "$@"
			echo
		}
	} >extensions.part
	new_key >key.part
	openssl req -new -key key.part -subj "/CN=$name" |
		openssl x509 -req -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" -sha256 -days "$days" -extfile extensions.part 2>certificate.log >certificate.part || {
		cat certificate.log >&2
		exit 1
	}
	cat key.part certificate.part | put "$name.pem" 644
	rm -f key.part certificate.part certificate.log extensions.part
}

password() {
	[ -e "$1" ] || openssl rand -hex 24 | put "$1" 644
}

# hash FILE is the SHA-256 of a password, which is all that Redis is told.
hash() { tr -d '\n' <"$1" | openssl dgst -sha256 -r | cut -d ' ' -f 1; }

authority
certificate redis redis localhost
password redis-health
password allocator-ams
password allocator-ams-redis
for site in ams fra; do
	certificate "kafka-$site" "kafka-$site" localhost
	certificate "admin-$site"
	for service in scheduler engine queues replicator links demo operator; do
		password "$service-$site"
	done
done

put redis-users.acl 644 <<END
user default off
user health on #$(hash redis-health) resetchannels -@all +ping
user allocator-ams on #$(hash allocator-ams-redis) resetchannels ~spanway.ids.* -@all +client|setname +ping +info +watch +unwatch +multi +exec +hgetall +hmget +hset +hdel +del
END

put config.yaml 600 <<END
# The sites of docker-compose.secure.yml, as this host reaches them with the ports of .env:
#
#   export SPANWAY_CONFIG=$dir/config.yaml
#   spanway --site fra task list
current-context: ams
contexts:
  ams: {cluster: ams, site: ams}
  fra: {cluster: fra, site: fra}
clusters:
  ams:
    brokers: ["127.0.0.1:29092"]
    tls: {ca-file: ca.pem}
    sasl: {user: operator-ams, password-file: operator-ams}
  fra:
    brokers: ["127.0.0.1:29093"]
    tls: {ca-file: ca.pem}
    sasl: {user: operator-fra, password-file: operator-fra}
END
echo "$dir has what docker-compose.secure.yml needs." >&2
