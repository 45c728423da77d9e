# What the scripts beside Apache share; they source it. They say REPETITIONS, PARTS, RESULTS, and have a function
# part_… for each part.

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
      for name in apache ours; do
        echo "repetition $repetition: $part, $name" >&2
        "part_$part" "$name"
      done
    done
  done
  print_table
}

print_table() {
  awk '
    { if (!($2 in seen)) { seen[$2] = ++count; order[count] = $2 }
      sum[$1, $2] += log($3 > 0 ? $3 : 0.001); number[$1, $2]++ }
    END {
      printf "| %-24s | %12s | %12s | %12s |\n|---|---|---|---|\n", "", "Apache", "zabkeeper", "ours/Apache"
      for (i = 1; i <= count; i++) {
        what = order[i]
        apache = exp(sum["apache", what] / number["apache", what]); ours = exp(sum["ours", what] / number["ours", what])
        printf "| %-24s | %12.2f | %12.2f | %12.3f |\n", what, apache, ours, ours / apache
      }
    }' "$RESULTS"
}
