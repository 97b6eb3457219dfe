#!/usr/bin/env bash
# Build the stack of docker-compose.yml and try it, on a machine that can pull no image: the base
# image is bootstrapped from Debian's packages, podman builds and runs, docker-compose talks to it.
#
#   deploy/podman-demo.sh [CYCLES]
#
# runs the demo through the stack twice, with its store in the stack's S3 server: once undisturbed,
# once with a worker killed on the way; compares the two bit by bit, looks at one from the hub, and
# takes everything down again, also when something fails. The images stay, so that the next time is
# quicker. As root, with Debian's packages
#
#   podman buildah runc catatonit netavark aardvark-dns iptables debootstrap docker-compose openssl
set -euo pipefail
cd "$(dirname "$0")/.."

cycles=${1:-6}
base=localhost/debian:bookworm-slim
helpers=()

say() { printf '%s  %s\n' "$(date +%T)" "$*"; }

fail() {
  say "FAILED: $*" >&2
  exit 1
}

compose() { docker-compose --project-name "$project" "$@"; }

client() { compose run --rm -T client "$@"; }

require_tools() {
  [ "$(id -u)" = 0 ] || fail "podman is run as root here"
  local tool
  for tool in podman buildah runc catatonit iptables debootstrap docker-compose openssl python3; do
    command -v "$tool" > /dev/null || fail "$tool is missing"
  done
}

# Settings for machines without systemd; what a container may open is no more than this shell may.
configure() {
  export CONTAINERS_CONF=$work/containers.conf
  export DOCKER_HOST=unix://$work/podman.sock
  export COMPOSE_HTTP_TIMEOUT=300
  cat > "$CONTAINERS_CONF" <<END
[containers]
default_ulimits = ["nofile=$(ulimit -n):$(ulimit -n)", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
  local name
  for name in SCHEDULER DASHBOARD S3 HUB; do
    export "HALOCAST_${name}_PORT=$(free_port)"
  done
}

# One person may log in to the hub, by a password made for this time.
make_account() {
  password=$(openssl rand -hex 12)
  export HALOCAST_HUB_ACCOUNTS=$work/hub-accounts
  (umask 077 && printf 'demo:%s\n' "$(openssl passwd -6 -stdin <<< "$password")" \
    > "$HALOCAST_HUB_ACCOUNTS")
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Where apt gets its packages on this machine.
mirror() {
  # shellcheck disable=SC2016  # apt's own placeholder
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1
}

# A minimal Debian that trusts whom this machine trusts.
make_base() {
  if podman image exists "$base"; then
    say "base image $base is here"
    return
  fi
  say "bootstrapping the base image"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$work/root" "$(mirror)" \
    > "$work/debootstrap.log" 2>&1 || fail "debootstrap: $(tail -n 3 "$work/debootstrap.log")"
  cp /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/"
  [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$work/root/etc/"
  tar -C "$work/root" -c . | podman import --quiet - "$base" > /dev/null
  rm -rf "$work/root"
}

build_images() {
  local target image
  for target in halocast s3 hub; do
    image=localhost/halocast-$target:dev
    [ "$target" = halocast ] && image=localhost/halocast:dev
    say "building $image"
    podman build --isolation chroot --network host --build-arg "BASE=$base" --target "$target" \
      --file deploy/docker/Dockerfile --tag "$image" . > "$work/build-$target.log" 2>&1 \
      || fail "the build of $image: $(tail -n 20 "$work/build-$target.log")"
  done
}

start_podman() {
  podman system service --time=0 "$DOCKER_HOST" > "$work/podman.log" 2>&1 &
  helpers+=($!)
  # podman leaves health checks to systemd's timers; where there is no systemd, this runs them
  check_health > /dev/null 2>&1 &
  helpers+=($!)
  until [ -S "$work/podman.sock" ]; do sleep 0.2; done
}

check_health() {
  local container
  while sleep 1; do
    for container in $(containers); do
      podman healthcheck run "$container" || true
    done
  done
}

# Containers of the stack that run: all, or those of one service.
containers() {
  podman ps --quiet --filter "label=com.docker.compose.project=$project" \
    ${1:+--filter "label=com.docker.compose.service=$1"}
}

bring_up() {
  compose up -d --no-build --scale worker=2 2>&1 | sed 's/^/          /'
  await_workers 2
}

workers() {
  python3 - "$HALOCAST_DASHBOARD_PORT" <<'END'
import json, sys, urllib.request
url = f"http://127.0.0.1:{sys.argv[1]}/json/counts.json"
print(json.load(urllib.request.urlopen(url, timeout=10))["workers"])
END
}

await_workers() {
  local i
  for i in $(seq 120); do
    [ "$(workers 2> /dev/null)" = "$1" ] && say "the scheduler sees $1 workers" && return
    sleep 1
  done
  fail "there are not $1 workers after $i s"
}

# The demo, into a folder of the bucket; what it says goes to standard output.
demo() {
  client run natl-demo --set "time.cycles=$cycles" \
    --scheduler tcp://scheduler:8786 --output "s3://halocast/$1"
}

run_undisturbed() {
  say "the demo, undisturbed"
  demo undisturbed > "$work/undisturbed.log" 2>&1 || fail "$(tail -n 30 "$work/undisturbed.log")"
  grep ' cycle ' "$work/undisturbed.log"
}

run_disturbed() {
  local run victim done_before log=$work/disturbed.log
  say "the demo again, with a worker killed after its second cycle"
  demo disturbed > "$log" 2>&1 &
  run=$!
  until grep -q ' cycle 2 of ' "$log"; do
    kill -0 "$run" 2> /dev/null || fail "the run ended before its second cycle: $(tail -n 30 "$log")"
    sleep 0.2
  done
  victim=$(containers worker | head -n 1)
  podman kill --signal KILL "$victim" > /dev/null
  done_before=$(grep -c ' cycle ' "$log")
  say "killed the worker in container $victim; $done_before of $cycles cycles were committed"
  [ "$done_before" -lt "$cycles" ] || fail "the run was over already: give it more cycles"
  await_workers 1
  wait "$run" || fail "the run did not survive: $(tail -n 30 "$log")"
  grep ' cycle ' "$log"
}

compare() {
  say "comparing the two, bit by bit"
  client compare s3://halocast/undisturbed s3://halocast/disturbed
}

visit_hub() {
  local hub
  say "visiting the hub"
  hub=$(containers hub)
  podman cp tests/hub/hub_client.py "$hub:/tmp/hub_client.py"
  podman cp deploy/docker/visit_hub.py "$hub:/tmp/visit_hub.py"
  podman exec --interactive "$hub" python /tmp/visit_hub.py demo s3://halocast/disturbed \
    <<< "$password" | sed 's/^/          /'
}

tear_down() {
  local code=$? helper
  trap - EXIT
  say "taking everything down"
  compose --profile tools down --volumes --timeout 3 > "$work/down.log" 2>&1 || true
  for helper in "${helpers[@]}"; do kill "$helper" 2> /dev/null || true; done
  [ -z "$(containers)" ] || say "still running: $(containers)"
  if [ "$code" = 0 ]; then rm -rf "$work"; else say "logs are in $work"; fi
  exit "$code"
}

require_tools
work=$(mktemp -d "${TMPDIR:-/tmp}/halocast-stack.XXXXXX")
project=$(basename "$work" | tr '[:upper:].' '[:lower:]-')
trap tear_down EXIT
configure
make_account
make_base
build_images
start_podman
bring_up
run_undisturbed
run_disturbed
say "bringing the worker back"
bring_up
compare
visit_hub
say "the stack survived: both runs are the same to the bit"
