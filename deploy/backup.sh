#!/bin/sh
# backup.sh FOLDER: a new folder in FOLDER with everything, also while flyby is at work.
#
# The order is what makes it whole. The catalog comes first: every file that it names is there by then, is never changed,
# and is copied after it. Files first, and the catalog would name some that had not been there. Answers in raw/ are landed
# before the record names them, so they may come last.
set -eu
to="$1/$(date -u +%Y%m%dT%H%M%SZ)"
umask 077
mkdir -p "$to.half"
pg_dump --format=custom --dbname=flyby --file="$to.half/flyby.dump"
pg_dump --format=custom --dbname="$PGDATABASE" --file="$to.half/dagster.dump"
for name in lake raw notices.json; do
    if [ -e "$FLYBY_HOME/$name" ]; then cp -a "$FLYBY_HOME/$name" "$to.half/"; fi
done
mv "$to.half" "$to"
echo "$to"
