# What the scripts share that measure two servers in turn; they source it. They say REPETITIONS, PARTS, RESULTS, and
# have a function part_… for each part. NAMES are the two, TITLES the heads of the table's columns.
NAMES=${NAMES:-"apache ours"}
TITLES=${TITLES:-"Apache,zabkeeper,ours/Apache"}

# Apache's jars: those of a release, or those of Debian's packages.
jars=/usr/share/java
classpath=$jars/zookeeper.jar:$jars/slf4j-log4j12.jar:$jars/log4j-1.2.jar:$jars/netty-codec.jar
classpath=$classpath:$jars/netty-resolver.jar:$jars/netty-transport-native-unix-common.jar
classpath=${ZABKEEPER_APACHE_CLASSPATH:-$classpath}

note() { # NAME WHAT VALUE
  echo "$1 $2 $3" >>"$RESULTS"
  echo "  $1 $2 $3" >&2
}

# Measures every part of both servers in turn, as often as asked, and prints the table.
compare() {
  local repetition part name
  for repetition in $(seq "$REPETITIONS"); do
    for part in $PARTS; do
      for name in $NAMES; do
        echo "repetition $repetition: $part, $name" >&2
        "part_$part" "$name"
      done
    done
  done
  print_table
}

print_table() {
  awk -v names="$NAMES" -v titles="$TITLES" '
    { if (!($2 in seen)) { seen[$2] = ++count; order[count] = $2 }
      sum[$1, $2] += log($3 > 0 ? $3 : 0.001); number[$1, $2]++ }
    END {
      split(names, name, " "); split(titles, title, ",")
      printf "| %-24s | %12s | %12s | %12s |\n|---|---|---|---|\n", "", title[1], title[2], title[3]
      for (i = 1; i <= count; i++) {
        what = order[i]
        one = exp(sum[name[1], what] / number[name[1], what]); other = exp(sum[name[2], what] / number[name[2], what])
        printf "| %-24s | %12.2f | %12.2f | %12.3f |\n", what, one, other, other / one
      }
    }' "$RESULTS"
}
