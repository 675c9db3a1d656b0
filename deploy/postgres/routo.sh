#!/bin/sh
# Runs once, when the database cluster of docker-compose.yml is made: creates the database and its owner,
# who is no superuser. deploy/compose/grants creates the other roles.
set -eu

# \set with backquotes: the password is not an argument of a process.
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set password `cat /run/secrets/database_password`
create role routo login password :'password';
create database routo owner routo;
SQL
