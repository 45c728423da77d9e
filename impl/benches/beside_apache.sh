#!/usr/bin/env bash
# Apache ZooKeeper beside zabkeeper: standalone, on loopback, fresh data on the same disk, in turn, several times.
# Prints one table: throughput, CPU seconds of the server per 100,000 operations, latency, memory, time to serve.
#
#   impl/benches/beside_apache.sh                  everything: about ten minutes on two quiet processors
#   PARTS="load start" impl/benches/beside_apache.sh
#
# PARTS          which measurements; each runs by itself:
#                  load    setData and getData of 100 bytes: 16 and 64 sessions with 16 in flight, one with one
#                  start   an empty server: time from its start to the first reply, memory
#                  tree    a million znodes: memory, time to the first reply after a restart, and how long setData
#                          takes while a snapshot of it is written
#                  idle    ten thousand sessions that only ping: memory and CPU
# REPETITIONS    how often (3); every number of the table is the geometric mean
# OPERATIONS     in each load (200,000), NODES in the tree (1,000,000), IDLE sessions (10,000), IDLE_SECONDS (20)
# ZABKEEPER_APACHE_CLASSPATH   the jars of a release of Apache; without it, those of Debian's packages are taken
# PORT, HEAP (of Java, 3g), DATA (where data directories are made; by default in a temporary directory)
#
# The ratios of one run mean something; absolute numbers of a machine with other work on it do not. CPU seconds vary
# least.
set -euo pipefail
cd "$(dirname "$0")/../.."

REPETITIONS=${REPETITIONS:-3}
OPERATIONS=${OPERATIONS:-200000}
NODES=${NODES:-1000000}
IDLE=${IDLE:-10000}
IDLE_SECONDS=${IDLE_SECONDS:-20}
PARTS=${PARTS:-"load start tree idle"}
HEAP=${HEAP:-3g}
PORT=${PORT:-22181}

cargo build --release -p zabkeeper --bin zabkeeper --example load >&2
BINARIES=${CARGO_TARGET_DIR:-target}/release
WORK=$(mktemp -d "${DATA:-${TMPDIR:-/tmp}}/beside-apache.XXXXXX")
RESULTS=$WORK/results
SERVER=
# 10,000 connections need as many files, in both processes.
ulimit -n "$(ulimit -Hn)"

. impl/benches/beside.sh

finish() {
  [ -z "$SERVER" ] || kill -9 "$SERVER" 2>/dev/null || true
  [ -n "${KEEP:-}" ] || rm -rf "$WORK"
}
trap finish EXIT

fail() {
  echo "$*" >&2
  exit 1
}

# --- Servers ---------------------------------------------------------------------------------------------------------

# start NAME FRESH: starts a server in the background; with FRESH=fresh on an empty data directory.
start() {
  local name=$1 directory=$WORK/$1
  ! (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || fail "port $PORT is in use"
  [ "$2" != fresh ] || rm -rf "$directory"
  mkdir -p "$directory/data"
  printf 'log4j.rootLogger=WARN, A\nlog4j.appender.A=org.apache.log4j.varia.NullAppender\n' \
    >"$directory/log4j.properties"
  echo '<configuration><root level="WARN"/></configuration>' >"$directory/logback.xml"
  cat >"$directory/zoo.cfg" <<END
tickTime=2000
dataDir=$directory/data
clientPort=$PORT
clientPortAddress=127.0.0.1
maxClientCnxns=0
admin.enableServer=false
END
  if [ "$name" = apache ]; then
    java "-Xmx$HEAP" -cp "$directory:$classpath" org.apache.zookeeper.server.ZooKeeperServerMain "$directory/zoo.cfg" \
      >"$directory/log" 2>&1 &
  else
    "$BINARIES/zabkeeper" start-foreground "$directory/zoo.cfg" >"$directory/log" 2>&1 &
  fi
  SERVER=$!
  FIRST=$(timeout 60 "$BINARIES/examples/load" --address "127.0.0.1:$PORT" first-reply | awk '{print $2}') ||
    fail "$name does not serve: $(tail -n 5 "$directory/log")"
}

stop() {
  local waited=0
  kill "$SERVER"
  while kill -0 "$SERVER" 2>/dev/null && [ $((waited += 1)) -lt 200 ]; do sleep 0.1; done
  kill -9 "$SERVER" 2>/dev/null || true
  wait "$SERVER" 2>/dev/null || true
  SERVER=
}

cpu() { # seconds that the server has used
  awk -v ticks="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); print ($12 + $13) / ticks}' "/proc/$SERVER/stat"
}

memory() { # MiB resident
  awk '/^VmRSS/ {print $2 / 1024}' "/proc/$SERVER/status"
}

load() { timeout 300 "$BINARIES/examples/load" --address "127.0.0.1:$PORT" "$@"; }

# --- Measurements ----------------------------------------------------------------------------------------------------

# measure NAME WHAT OPERATIONS ARGUMENTS…: a load, with throughput, CPU and latency.
measure() {
  local name=$1 what=$2 operations=$3 before after line
  shift 3
  before=$(cpu)
  line=$(load "$@" --operations "$operations")
  after=$(cpu)
  note "$name" "$what,1/s" "$(awk '{print $6}' <<<"$line")"
  note "$name" "$what,cpu" "$(awk "BEGIN {print ($after - $before + 0.001) * 100000 / $operations}")"
  note "$name" "$what,p99us" "$(awk '{print $10}' <<<"$line")"
}

part_load() {
  local name=$1
  start "$name" fresh
  # What a just-in-time compiler needs to see first is not measured.
  load set-data --sessions 64 --operations $((OPERATIONS / 2)) >/dev/null
  load get-data --sessions 64 --operations $((OPERATIONS / 2)) >/dev/null
  for what in set-data get-data; do
    measure "$name" "$what-16x16" "$OPERATIONS" "$what" --sessions 16
    measure "$name" "$what-64x16" "$OPERATIONS" "$what" --sessions 64
    measure "$name" "$what-1x1" $((OPERATIONS / 10)) "$what" --sessions 1 --in-flight 1
  done
  stop
}

part_start() {
  local name=$1
  start "$name" fresh
  note "$name" empty,first-reply-ms "$FIRST"
  sleep 1
  note "$name" empty,rss-MiB "$(memory)"
  stop
}

part_tree() {
  local name=$1
  start "$name" fresh
  load load-tree "$NODES" >/dev/null
  note "$name" tree,rss-loaded-MiB "$(memory)"
  stop
  start "$name" again
  note "$name" tree,first-reply-ms "$FIRST"
  sleep 1
  note "$name" tree,rss-restarted-MiB "$(memory)"
  # At least one snapshot falls into so many: both servers take one every 100,000 transactions.
  local line
  line=$(load set-data --sessions 16 --in-flight 4 --operations 150000)
  note "$name" tree,snapshot-p999us "$(awk '{print $12}' <<<"$line")"
  note "$name" tree,snapshot-max-us "$(awk '{print $14}' <<<"$line")"
  stop
}

part_idle() {
  local name=$1 before used line client
  start "$name" fresh
  sleep 1
  before=$(memory)
  coproc CLIENT { load idle "$IDLE" --seconds $((IDLE_SECONDS + 5)); }
  client=$CLIENT_PID
  read -r line <&"${CLIENT[0]}"
  note "$name" idle,KiB-per-session "$(awk "BEGIN {print ($(memory) - $before) * 1024 / $IDLE}")"
  used=$(cpu)
  sleep "$IDLE_SECONDS"
  note "$name" idle,cpu-percent "$(awk "BEGIN {print ($(cpu) - $used + 0.001) * 100 / $IDLE_SECONDS}")"
  wait "$client" || true
  stop
}

# Sourced, it gives its servers and parts to another script.
[ "${BASH_SOURCE[0]}" != "$0" ] || compare
