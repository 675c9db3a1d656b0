#!/bin/sh
# Run once, when the database cluster of docker-compose.yml is made: the service's role, which is no
# superuser, and its database.
set -eu

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v password="$(cat /run/secrets/database_password)" <<'SQL'
create role routo login password :'password';
create database routo owner routo;
SQL
