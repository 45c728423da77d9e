#!/usr/bin/env bash
# An ensemble of three servers of Apache ZooKeeper beside one of zabkeeper's: on loopback, fresh data on the same disk,
# in turn, several times. Prints one table: throughput and CPU seconds of all three servers, how long no write is
# acknowledged when the leader is killed, how long a killed server takes to be in step again, memory.
#
#   impl/benches/ensemble_beside_apache.sh                    everything: about ten minutes on two quiet processors
#   PARTS="load fail" impl/benches/ensemble_beside_apache.sh
#
# PARTS          which measurements; each runs by itself:
#                  load   setData of 100 bytes, sessions on all servers: 64 with 16 in flight, one with one
#                  fail   the leader is killed under one writer, and started again
#                  tree   a million znodes: memory of each server
# REPETITIONS    how often (3); every number of the table is the geometric mean
# OPERATIONS     in each load (100,000), NODES in the tree (1,000,000)
# ZABKEEPER_APACHE_CLASSPATH   the jars of a release of Apache; without it, those of Debian's packages are taken
# PORT           the first of nine ports (23181), HEAP (of Java, 1g), DATA (where data directories are made)
set -euo pipefail
cd "$(dirname "$0")/../.."

REPETITIONS=${REPETITIONS:-3}
OPERATIONS=${OPERATIONS:-100000}
NODES=${NODES:-1000000}
PARTS=${PARTS:-"load fail tree"}
HEAP=${HEAP:-1g}
PORT=${PORT:-23181}

cargo build --release -p zabkeeper --bin zabkeeper --example load >&2
BINARIES=${CARGO_TARGET_DIR:-target}/release
WORK=$(mktemp -d "${DATA:-${TMPDIR:-/tmp}}/ensemble-beside-apache.XXXXXX")
RESULTS=$WORK/results
declare -A SERVER=()
ADDRESSES=127.0.0.1:$((PORT + 1)),127.0.0.1:$((PORT + 2)),127.0.0.1:$((PORT + 3))

. impl/benches/beside.sh

finish() {
  for id in "${!SERVER[@]}"; do kill -9 "${SERVER[$id]}" 2>/dev/null || true; done
  [ -n "${KEEP:-}" ] || rm -rf "$WORK"
}
trap finish EXIT

# --- Servers ---------------------------------------------------------------------------------------------------------

start_one() { # NAME ID
  local name=$1 id=$2 directory=$WORK/$1/$2
  if [ "$name" = apache ]; then
    java "-Xmx$HEAP" -cp "$directory:$classpath" org.apache.zookeeper.server.quorum.QuorumPeerMain \
      "$directory/zoo.cfg" >>"$directory/log" 2>&1 &
  else
    "$BINARIES/zabkeeper" start-foreground "$directory/zoo.cfg" >>"$directory/log" 2>&1 &
  fi
  SERVER[$id]=$!
}

first_reply() { # ADDRESS
  timeout 120 "$BINARIES/examples/load" --address "$1" first-reply >/dev/null
}

start() { # NAME
  local name=$1 directory
  rm -rf "${WORK:?}/$name"
  for id in 1 2 3; do
    directory=$WORK/$name/$id
    mkdir -p "$directory/data"
    echo "$id" >"$directory/data/myid"
    printf 'log4j.rootLogger=WARN, A\nlog4j.appender.A=org.apache.log4j.varia.NullAppender\n' \
      >"$directory/log4j.properties"
    echo '<configuration><root level="WARN"/></configuration>' >"$directory/logback.xml"
    cat >"$directory/zoo.cfg" <<END
tickTime=2000
initLimit=10
syncLimit=5
dataDir=$directory/data
clientPort=$((PORT + id))
clientPortAddress=127.0.0.1
maxClientCnxns=0
admin.enableServer=false
server.1=127.0.0.1:$((PORT + 4)):$((PORT + 7))
server.2=127.0.0.1:$((PORT + 5)):$((PORT + 8))
server.3=127.0.0.1:$((PORT + 6)):$((PORT + 9))
END
    start_one "$name" "$id"
  done
  for id in 1 2 3; do first_reply "127.0.0.1:$((PORT + id))"; done
}

stop() {
  for id in "${!SERVER[@]}"; do kill -9 "${SERVER[$id]}" 2>/dev/null || true; done
  for id in "${!SERVER[@]}"; do wait "${SERVER[$id]}" 2>/dev/null || true; done
  SERVER=()
}

cpu() { # seconds that the servers have used
  local total=0
  for id in "${!SERVER[@]}"; do
    total=$(awk -v ticks="$(getconf CLK_TCK)" -v total="$total" \
      '{sub(/.*\) /, ""); print total + ($12 + $13) / ticks}' "/proc/${SERVER[$id]}/stat")
  done
  echo "$total"
}

load() { timeout 300 "$BINARIES/examples/load" --address "$ADDRESSES" "$@"; }

leader() { # the number of the server that leads
  for id in 1 2 3; do
    if { exec 3<>"/dev/tcp/127.0.0.1/$((PORT + id))"; } 2>/dev/null; then
      printf srvr >&3
      if grep -q 'Mode: leader' <&3; then echo "$id"; fi
      exec 3>&-
    fi
  done
}

# --- Measurements ----------------------------------------------------------------------------------------------------

measure() { # NAME WHAT OPERATIONS ARGUMENTS…
  local name=$1 what=$2 operations=$3 before line
  shift 3
  before=$(cpu)
  line=$(load "$@" --operations "$operations")
  note "$name" "$what,1/s" "$(awk '{print $6}' <<<"$line")"
  note "$name" "$what,cpu" "$(awk "BEGIN {print ($(cpu) - $before + 0.001) * 100000 / $operations}")"
  note "$name" "$what,p99us" "$(awk '{print $10}' <<<"$line")"
}

part_load() {
  start "$1"
  # What a just-in-time compiler needs to see first is not measured.
  load set-data --sessions 64 --operations $((OPERATIONS / 2)) >/dev/null
  measure "$1" set-data-64x16 "$OPERATIONS" set-data --sessions 64
  measure "$1" set-data-1x1 $((OPERATIONS / 20)) set-data --sessions 1 --in-flight 1
  stop
}

part_fail() {
  local victim begun writer
  start "$1"
  load set-data --sessions 16 --operations 20000 >/dev/null
  victim=$(leader)
  load outage --seconds 12 >"$WORK/outage" &
  writer=$!
  sleep 3
  kill -9 "${SERVER[$victim]}"
  wait "${SERVER[$victim]}" 2>/dev/null || true
  sleep 4
  begun=$(date +%s%N)
  start_one "$1" "$victim"
  first_reply "127.0.0.1:$((PORT + victim))"
  note "$1" killed-back-ms $((($(date +%s%N) - begun) / 1000000))
  wait "$writer"
  note "$1" leader-killed-ms "$(awk '{print $4}' "$WORK/outage")"
  stop
}

part_tree() {
  start "$1"
  timeout 600 "$BINARIES/examples/load" --address "127.0.0.1:$((PORT + 1))" load-tree "$NODES" >/dev/null
  sleep 1
  for id in 1 2 3; do
    note "$1" "tree,rss-MiB" "$(awk '/^VmRSS/ {print $2 / 1024}' "/proc/${SERVER[$id]}/status")"
  done
  stop
}

compare
