#!/usr/bin/env bash
# What recording costs: zabkeeper with --trace beside itself without, on loopback, fresh data on the same disk, in turn,
# several times. Prints one table: throughput, CPU seconds of all servers per 100,000 operations, latency, and how many
# bytes a write leaves in the traces.
#
#   impl/benches/recording.sh                        about four minutes on two quiet processors
#   PARTS=alone impl/benches/recording.sh
#
# PARTS          which measurements; each runs by itself: setData of 100 bytes, 64 sessions with 16 in flight
#                  alone     one server
#                  three     an ensemble of three, sessions on all of them
# REPETITIONS    how often (5); every number of the table is the geometric mean
# OPERATIONS     in each load (800,000: fewer take less than a second, and say more about the machine)
# PORT           the first of nine ports (24181), DATA (where data directories and traces are made)
set -euo pipefail
cd "$(dirname "$0")/../.."

REPETITIONS=${REPETITIONS:-5}
OPERATIONS=${OPERATIONS:-800000}
PARTS=${PARTS:-"alone three"}
PORT=${PORT:-24181}
NAMES="without with"
TITLES="without,recording,with/without"

if [ -z "${BINARIES:-}" ]; then
  cargo build --release -p zabkeeper --bin zabkeeper --example load >&2
  BINARIES=${CARGO_TARGET_DIR:-target}/release
fi
WORK=$(mktemp -d "${DATA:-${TMPDIR:-/tmp}}/recording.XXXXXX")
RESULTS=$WORK/results
declare -A SERVER=()

. impl/benches/beside.sh

finish() {
  for id in "${!SERVER[@]}"; do kill -9 "${SERVER[$id]}" 2>/dev/null || true; done
  [ -n "${KEEP:-}" ] || rm -rf "$WORK"
}
trap finish EXIT

# start NAME COUNT: so many servers, which record or do not.
start() {
  local name=$1 count=$2 directory=$WORK/$1 addresses='' id
  rm -rf "$directory"
  for id in $(seq "$count"); do
    mkdir -p "$directory/$id/data"
    {
      printf 'tickTime=2000\ninitLimit=10\nsyncLimit=5\nmaxClientCnxns=0\nadmin.enableServer=false\n'
      printf 'dataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\n' "$directory/$id/data" $((PORT + id - 1))
      [ "$name" = without ] || printf 'traceDir=%s\n' "$directory/traces"
      [ "$count" = 1 ] || for other in $(seq "$count"); do
        echo "server.$other=127.0.0.1:$((PORT + 2 + other)):$((PORT + 5 + other))"
      done
    } >"$directory/$id/zoo.cfg"
    echo "$id" >"$directory/$id/data/myid"
    "$BINARIES/zabkeeper" start-foreground "$directory/$id/zoo.cfg" >"$directory/$id/log" 2>&1 &
    SERVER[$id]=$!
    addresses=$addresses,127.0.0.1:$((PORT + id - 1))
  done
  ADDRESSES=${addresses#,}
  for id in $(seq "$count"); do
    timeout 60 "$BINARIES/examples/load" --address "127.0.0.1:$((PORT + id - 1))" first-reply >/dev/null
  done
}

stop() {
  for id in "${!SERVER[@]}"; do kill -9 "${SERVER[$id]}" 2>/dev/null || true; done
  for id in "${!SERVER[@]}"; do wait "${SERVER[$id]}" 2>/dev/null || true; done
  SERVER=()
}

cpu() { # seconds that the servers have used
  local total=0 id
  for id in "${!SERVER[@]}"; do
    total=$(awk -v ticks="$(getconf CLK_TCK)" -v total="$total" \
      '{sub(/.*\) /, ""); print total + ($12 + $13) / ticks}' "/proc/${SERVER[$id]}/stat")
  done
  echo "$total"
}

load() { timeout 300 "$BINARIES/examples/load" --address "$ADDRESSES" set-data --sessions 64 --operations "$1"; }

measure() { # NAME COUNT
  local name=$1 count=$2 before line bytes
  start "$name" "$count"
  load $((OPERATIONS / 10)) >/dev/null
  before=$(cpu)
  line=$(load "$OPERATIONS")
  note "$name" "$count,1/s" "$(awk '{print $6}' <<<"$line")"
  note "$name" "$count,cpu" "$(awk "BEGIN {print ($(cpu) - $before + 0.001) * 100000 / $OPERATIONS}")"
  note "$name" "$count,p50us" "$(awk '{print $8}' <<<"$line")"
  note "$name" "$count,p99us" "$(awk '{print $10}' <<<"$line")"
  stop
  bytes=$({ cat "$WORK/$name/traces/"* 2>/dev/null || true; } | wc -c)
  note "$name" "$count,trace-bytes-a-write" "$(awk "BEGIN {print $bytes / ($OPERATIONS * 1.1)}")"
}

part_alone() { measure "$1" 1; }
part_three() { measure "$1" 3; }

compare
