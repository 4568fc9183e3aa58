#!/bin/sh
# More keys than maxmemory holds, in rounds.
while :; do
  redis-benchmark -h 127.0.0.1 -t set -d 1024 -r 400000 -n 60000 -P 8 -q || true
  sleep 5
done
