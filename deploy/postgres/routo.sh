#!/bin/sh
# Runs once, when the cluster of docker-compose.yml is initialised: creates the service's role, which is
# not a superuser, and its database.
set -eu

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v password="$(cat /run/secrets/database_password)" <<'SQL'
create role routo login password :'password';
create database routo owner routo;
SQL
