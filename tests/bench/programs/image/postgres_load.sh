#!/bin/sh
# Six clients whose queries sort; all of the table is read into the shared buffers first. After a crash it begins anew.
export PGHOST=127.0.0.1 PGUSER=postgres
until pgbench --initialize --scale=10 --quiet postgres 2>/dev/null; do sleep 1; done
while :; do
  psql --quiet postgres -c "create extension if not exists pg_prewarm" -c "select pg_prewarm('pgbench_accounts')" >/dev/null
  pgbench --client=6 --time=600 --rate=6 --no-vacuum --file=/srv/sort.sql postgres
  sleep 2
done
