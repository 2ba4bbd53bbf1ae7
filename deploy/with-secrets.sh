#!/bin/sh
# with-secrets COMMAND…: runs it with the passwords where libpq and Celery look for them. They lie in files, so that no
# compose file, no image and no `docker inspect` shows them; Kubernetes sets the variables itself.
set -eu
secrets="${SECRETS:-/run/secrets}"
if [ -r "$secrets/postgres_password" ]; then
    PGPASSWORD="$(cat "$secrets/postgres_password")"
    export PGPASSWORD
fi
if [ -r "$secrets/redis_password" ]; then
    CELERY_BROKER_URL="redis://:$(cat "$secrets/redis_password")@$REDIS/0"
    CELERY_RESULT_BACKEND="$CELERY_BROKER_URL"
    export CELERY_BROKER_URL CELERY_RESULT_BACKEND
fi
exec "$@"
