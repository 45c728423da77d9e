#!/usr/bin/env bash
# Our client and our recipes on Apache ZooKeeper beside the same on zabkeeper: standalone, on loopback, fresh data on the
# same disk, in turn, several times. Prints one table. Client and recipes are the same in both columns; what differs is
# the server.
#
#   impl/benches/recipes_beside_apache.sh                 everything: about ten minutes on two quiet processors
#   PARTS="lock herd" impl/benches/recipes_beside_apache.sh
#
# PARTS          which measurements; each runs by itself:
#                  lock        a Mutex that 1, 16 and 64 contenders, each with its own session, hand to one another:
#                              handoffs a second, from one release to the next holder
#                  watch       a znode that a thousand sessions watch, with watches that are set again after each event,
#                              and with persistent ones: events a second, from a write's submission to the last event
#                  throughput  getData and setData of 100 bytes: one session with 1, 16 and 64 in flight
#                  sessions    ten thousand sessions that only ping: the server's memory before and with them
#                  herd        a thousand waiters: the lock of which all are told, beside Mutex, which wakes one
# REPETITIONS    how often (3); every number of the table is the geometric mean
# HANDOFFS       of each number of contenders (10,000), WATCHERS (1,000), WRITES that they are told of (100)
# OPERATIONS     of each throughput with setData (100,000); four times as many with getData, a tenth with one in flight
# IDLE           sessions (10,000), WAITERS in the herd (1,000), RELEASES of it (5)
# ZABKEEPER_APACHE_CLASSPATH, PORT, HEAP, DATA   as in beside_apache.sh
#
# In the table cpu is the server's CPU seconds per 100,000 handoffs, events or requests, client-cpu the client's: where
# the client's is greater, the client is what the rate measures, and cpu says more of the server. Java's memory is what
# its heap has grown to: its garbage is in it.
set -euo pipefail

PARTS=${PARTS:-"lock watch throughput sessions herd"}
OPERATIONS=${OPERATIONS:-100000}
HANDOFFS=${HANDOFFS:-10000}
WATCHERS=${WATCHERS:-1000}
WRITES=${WRITES:-100}
WAITERS=${WAITERS:-1000}
RELEASES=${RELEASES:-5}
PORT=${PORT:-26181}

# Servers that start and stop, their memory, the table.
. "$(dirname "$0")/beside_apache.sh"
cargo build --release -p zabkeeper --example recipes_load --example herd >&2

recipes() {
  timeout 600 "$BINARIES/examples/recipes_load" --address "127.0.0.1:$PORT" --server "$SERVER" "$@"
}

value() { # FIELD LINE: the word behind that one
  awk -v field="$1" '{for (i = 1; i < NF; i += 2) if ($i == field) print $(i + 1)}' <<<"$2"
}

# tell NAME WHAT FIELDS ARGUMENTS…: a measurement, of which these fields, each as row=field, become rows.
tell() {
  local name=$1 what=$2 fields=$3 line field
  shift 3
  line=$(recipes "$@")
  for field in $fields; do note "$name" "$what,${field%%=*}" "$(value "${field#*=}" "$line")"; done
}

part_lock() {
  local name=$1 contenders
  start "$name" fresh
  # What a just-in-time compiler needs to see first is not measured.
  recipes lock --contenders 16 --handoffs "$HANDOFFS" >/dev/null
  for contenders in 1 16 64; do
    tell "$name" "lock-$contenders" "1/s=per_second p50us=p50_us p99us=p99_us cpu=server_cpu" \
      lock --contenders "$contenders" --handoffs "$HANDOFFS"
  done
  stop
}

part_watch() {
  local name=$1 kind
  start "$name" fresh
  recipes watch --watchers "$WATCHERS" --writes $((WRITES / 2 + 1)) >/dev/null
  for kind in one-shot persistent; do
    tell "$name" "$kind" "events/s=per_second last-p50us=p50_us last-p99us=p99_us cpu=server_cpu client-cpu=client_cpu" \
      watch --kind "$kind" --watchers "$WATCHERS" --writes "$WRITES"
  done
  stop
}

part_throughput() {
  local name=$1 what in_flight operations
  start "$name" fresh
  for what in set-data get-data; do recipes "$what" --in-flight 64 --operations "$OPERATIONS" >/dev/null; done
  for what in get-data set-data; do
    for in_flight in 64 16 1; do
      operations=$OPERATIONS
      [ "$what" = set-data ] || operations=$((operations * 4))
      [ "$in_flight" != 1 ] || operations=$((operations / 10))
      tell "$name" "$what-$in_flight" "1/s=per_second p99us=p99_us cpu=server_cpu client-cpu=client_cpu" \
        "$what" --in-flight "$in_flight" --operations "$operations"
    done
  done
  stop
}

part_sessions() {
  local name=$1 before with line client
  start "$name" fresh
  sleep 1
  before=$(memory)
  note "$name" sessions,rss-before-MiB "$before"
  coproc CLIENT { recipes idle "$IDLE" --seconds 5; }
  client=$CLIENT_PID
  read -r line <&"${CLIENT[0]}"
  [ "$line" = "open $IDLE" ] || fail "not all sessions are open: $line"
  with=$(memory)
  note "$name" sessions,rss-with-MiB "$with"
  note "$name" sessions,bytes-each "$(awk "BEGIN {print ($with - $before) * 1048576 / $IDLE}")"
  read -r line <&"${CLIENT[0]}"
  [ "$line" = "lost 0" ] || fail "sessions are gone: $line"
  wait "$client" || true
  stop
}

part_herd() {
  local name=$1 printed
  start "$name" fresh
  printed=$(timeout 600 "$BINARIES/examples/herd" --address "127.0.0.1:$PORT" --waiters "$WAITERS" \
    --releases "$RELEASES")
  herd_rows "$name" one-znode "$(grep '^the lock that watches one' <<<"$printed")"
  herd_rows "$name" mutex "$(grep '^Mutex' <<<"$printed")"
  stop
}

herd_rows() { # NAME WHAT LINE: what each release costs with this lock
  note "$1" "$2,notifications" "$(awk '{print $(NF - 3)}' <<<"$3")"
  note "$1" "$2,requests" "$(awk '{print $(NF - 2)}' <<<"$3")"
  note "$1" "$2,handoff-ms" "$(awk '{print $(NF - 1)}' <<<"$3")"
}

compare
