#!/bin/sh
# Makes what docker-compose.secure.yml needs and what nobody else may have: an authority,
# certificates of brokers, Redis and administrators, a password for each principal.
#
#   secrets.sh [DIR]     into DIR; without it where SECRETS says, of the environment or of .env
#
# SECRETS and the ports of Kafka are read as Docker Compose reads them: the environment goes
# before .env, and a path that is not absolute begins at the root of the repository.
#
# Each program has a directory of its own with what it needs, which is what its container is
# given: a file that is replaced there is seen while it runs, where a file that is mounted by
# itself would stay as it was. What is there and valid stays: to replace something, delete
# its file and run this again; docs/compose.md says what comes then. It needs openssl, of
# OpenSSL 1.1.1 or later, or of LibreSSL.
#
# Containers run as users of their own, and Docker gives them a file with the rights that it
# has here. So all may read the files, and only you may enter the directory. The key of the
# authority is for you alone: no container has it.
set -euf

command -v openssl >/dev/null || {
	echo "secrets.sh: openssl is not in PATH: install it" >&2
	exit 1
}
root=$(cd "$(dirname "$0")/../.." && pwd)

# setting NAME DEFAULT is what the environment says, or else .env.
setting() {
	eval "value=\${$1:-}"
	[ -n "$value" ] || [ ! -r "$root/.env" ] || value=$(sed -n "s/^$1=//p" "$root/.env" | tail -n 1)
	printf %s "${value:-$2}"
}

dir=${1:-}
[ -n "$dir" ] || {
	dir=$(setting SECRETS .secrets)
	[ "${dir#/}" != "$dir" ] || dir=$root/$dir
}
days=825
umask 077
mkdir -p "$dir"
chmod 700 "$dir"
cd "$dir"
dir=$(pwd)
[ ! -e ca.pem ] || {
	echo "secrets.sh: $dir has secrets as an earlier version laid them out: move it away, and run this again" >&2
	exit 1
}
trap 'rm -f openssl.part ca.part extensions.part key.part request.part certificate.part log.part' EXIT

# put FILE MODE writes what comes in, all at once, unless that is nothing.
put() {
	mkdir -p "$(dirname "$1")"
	[ "$(dirname "$1")" = . ] || chmod 755 "$(dirname "$1")"
	cat >"$1.part"
	[ -s "$1.part" ]
	chmod "$2" "$1.part"
	mv "$1.part" "$1"
}

# The parameters are named in the key: what old programs write in place of the name, others
# do not read.
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve; }

# The extensions are in a file of ours, for neither -addext nor what a system's openssl.cnf
# says is the same everywhere.
cat >openssl.part <<END
[req]
distinguished_name = name
prompt = no
[name]
CN = spanway-compose
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
END

authority() {
	[ ! -e ca/ca.pem ] || return 0
	new_key | put ca.key 600
	openssl req -x509 -new -key ca.key -sha256 -days 3650 -config openssl.part -extensions authority -out ca.part
	put ca/ca.pem 644 <ca.part
}

# valid FILE says whether it has a certificate of the authority that is valid now. Some
# openssl verify end with 0 whatever they find.
valid() {
	[ -e "$1" ] && openssl x509 -in "$1" -noout -checkend 0 >/dev/null 2>&1 &&
		openssl verify -CAfile ca/ca.pem "$1" 2>/dev/null | grep -q ': OK$'
}

# certificate NAME [HOST]... makes NAME/tls.pem: a key, and behind it the certificate for
# these hosts, to serve and to connect, as Kafka reads both from one file.
certificate() {
	name=$1
	! valid "$name/tls.pem" || return 0
	[ -e ca.key ] || {
		echo "secrets.sh: $dir/ca.key is missing: put the key of the authority back, or delete ca/ca.pem to begin anew" >&2
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
	openssl req -new -key key.part -config openssl.part -subj "/CN=$name" -out request.part
	openssl x509 -req -in request.part -CA ca/ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 16)" -sha256 -days "$days" \
		-extfile extensions.part -out certificate.part 2>log.part || {
		cat log.part >&2
		exit 1
	}
	cat key.part certificate.part | put "$name/tls.pem" 644
}

password() {
	[ -e "$1" ] || openssl rand -hex 24 | put "$1" 644
}

# hash FILE is the SHA-256 of a password, which is all that Redis is told.
hash() { tr -d '\n' <"$1" | openssl dgst -sha256 | sed 's/.*= *//'; }

authority
certificate redis redis localhost
password redis/health
password allocator-ams/password
password allocator-ams/redis
password global-manager-ams/password
for site in ams fra; do
	certificate "kafka-$site" "kafka-$site" localhost
	certificate "admin-$site"
	for service in scheduler engine queues replicator local-manager links demo operator; do
		password "$service-$site/password"
	done
done

put redis/users.acl 644 <<END
user default off
user health on #$(hash redis/health) resetchannels -@all +ping
user allocator-ams on #$(hash allocator-ams/redis) resetchannels ~spanway.ids.* -@all +client|setname +ping +info +watch +unwatch +multi +exec +hgetall +hmget +hset +hdel +del
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
    brokers: ["127.0.0.1:$(setting KAFKA_AMS_PORT 29092)"]
    tls: {ca-file: ca/ca.pem}
    sasl: {user: operator-ams, password-file: operator-ams/password}
  fra:
    brokers: ["127.0.0.1:$(setting KAFKA_FRA_PORT 29093)"]
    tls: {ca-file: ca/ca.pem}
    sasl: {user: operator-fra, password-file: operator-fra/password}
END
echo "$dir has what docker-compose.secure.yml needs." >&2
