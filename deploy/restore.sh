#!/bin/sh
# restore.sh BACKUP: one of the folders that backup.sh made, into a FLYBY_HOME without answers. Files first, the catalog
# that names them last, for the reason that backup.sh gives. Nothing else of flyby may be running.
set -eu
if [ ! -e "$1/dagster.dump" ]; then echo "$1 is no backup" >&2; exit 1; fi
if [ -e "$FLYBY_HOME/raw" ]; then
    echo "FLYBY_HOME holds answers already: restore into an empty one" >&2
    exit 1
fi
for name in lake raw notices.json; do
    if [ -e "$1/$name" ]; then cp -a "$1/$name" "$FLYBY_HOME/"; fi
done
for name in flyby "$PGDATABASE"; do
    dump="$1/flyby.dump"
    if [ "$name" = "$PGDATABASE" ]; then dump="$1/dagster.dump"; fi
    pg_restore --clean --if-exists --no-owner --single-transaction --dbname="$name" "$dump"
done
