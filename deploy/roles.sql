-- Roles with the least rights:
--
--   routo_owner     owns everything; for `routo-receiver migrate` and other commands that change stored
--                   data
--   routo_service   the service: inserts callbacks, and can call the functions that make partitions and
--                   drop old ones; can't read, change or drop anything else
--   routo_reader    for people: reads every table and view
--   routo_consumer  for applications: reads, and marks inbound messages as processed
--
-- Run it as a superuser in the service's database: before the first migration, again after it, and after
-- every upgrade. It is one transaction and can be repeated at any time:
--
--   psql -d DATABASE -f deploy/roles.sql
--
-- Other names, or a schema other than public: -v owner=NAME -v service=NAME -v reader=NAME
-- -v consumer=NAME -v schema=NAME. Owner and service can log in once they have a password
-- (\password routo_service) or pg_hba.conf permits it. Grant the other two to login roles:
-- grant routo_reader to alice.
--
-- Afterwards the owner role owns everything in that schema that the tables' previous owner owned.

\set ON_ERROR_STOP on
\if :{?owner}
\else
    \set owner routo_owner
\endif
\if :{?service}
\else
    \set service routo_service
\endif
\if :{?reader}
\else
    \set reader routo_reader
\endif
\if :{?consumer}
\else
    \set consumer routo_consumer
\endif
\if :{?schema}
\else
    \set schema public
\endif

begin;
set local client_min_messages = warning;

select format('create role %I %s', name, login)
from (
    values (:'owner', 'login'), (:'service', 'login'), (:'reader', 'nologin'), (:'consumer', 'nologin')
) as wanted (name, login)
where not exists (select from pg_roles where rolname = name)
\gexec

grant :"reader" to :"consumer";

-- Functions with the owner's rights trust what is in the schema: nobody else may create objects there.
revoke create on schema :"schema" from public;
grant usage, create on schema :"schema" to :"owner";
grant usage on schema :"schema" to :"service", :"reader";
select format('grant connect on database %I to %I, %I, %I', current_database(), :'owner', :'service', :'reader')
\gexec

-- Covers the tables and views of later migrations, and partitions.
alter default privileges for role :"owner" in schema :"schema" grant select on tables to :"reader";

select to_regclass(format('%I.delivery_reports', :'schema')) is not null as is_migrated
\gset
\if :is_migrated
    set local search_path = :"schema";

    select format('alter table %s owner to %I', relation.oid::regclass, :'owner')
    from pg_class as relation
    join pg_class as ours using (relnamespace, relowner)
    where ours.oid = 'delivery_reports'::regclass
    and relation.relkind in ('r', 'p', 'v', 'm')
    and relation.relowner <> format('%I', :'owner')::regrole
    and not exists (
        select
        from pg_depend
        where classid = 'pg_class'::regclass
        and objid = relation.oid
        and deptype = 'e'
    )
    union all
    select format('alter routine %s owner to %I', routine.oid::regprocedure, :'owner')
    from pg_proc as routine
    join pg_class as ours on ours.relnamespace = pronamespace and ours.relowner = proowner
    where ours.oid = 'delivery_reports'::regclass
    and proowner <> format('%I', :'owner')::regrole
    and not exists (
        select
        from pg_depend
        where classid = 'pg_proc'::regclass
        and objid = routine.oid
        and deptype = 'e'
    )
    \gexec

    revoke all on all tables in schema :"schema" from :"service";
    grant insert on delivery_reports, inbound_messages, rejected_callbacks to :"service";
    grant select on _sqlx_migrations, callback_partitions to :"service";
    grant execute on function
        make_partition,
        drop_expired_partition,
        delete_expired_rejected_callbacks
    to :"service";

    grant select on all tables in schema :"schema" to :"reader";
    grant update (processed_at) on inbound_messages to :"consumer";

    -- The notifying triggers read the settings.
    grant select on settings to :"service";
    grant execute on function claim_inbound_messages, release_inbound_messages to :"consumer";
\else
    \echo 'There are no tables yet: run `routo-receiver migrate` as the owner role, then this again.'
\endif

commit;
