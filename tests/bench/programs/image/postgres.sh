#!/bin/sh
exec setpriv --reuid=postgres --regid=postgres --clear-groups /usr/lib/postgresql/*/bin/postgres -D /srv/postgres \
  -c work_mem=16MB -c max_connections=40 -c listen_addresses=127.0.0.1
