-- What the service does to its tables besides inserting: it creates partitions, and drops what is older
-- than its configuration says, and looks whether a row is there. Only the owner of a table may do that. These functions act as the owner,
-- so that a service that owns nothing can be allowed to call them (deploy/roles.sql).

-- Functions keep this search path (`set search_path from current`), whatever their caller's is.
select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

create function partition_times(partition regclass, out from_time timestamptz, out to_time timestamptz)
language sql
stable
-- The catalog's text is parsed as it was written: other styles abbreviate time zones ambiguously.
set datestyle = 'iso'
as $$
    select
        substring(bound from 'FROM \(''([^'']+)''\)')::timestamptz,
        substring(bound from 'TO \(''([^'']+)''\)')::timestamptz
    from (
        select pg_get_expr(relpartbound, oid)
        from pg_class
        where oid = partition
    ) as catalog (bound)
$$;

comment on function partition_times is
    'The times of reception that a partition covers: from the first up to, but not including, the second. Null means unbounded; a default partition has two nulls.';

create view callback_partitions as
select
    parent.relname::text as table_name,
    inheritance.inhrelid::regclass as partition,
    times.from_time,
    times.to_time
from pg_inherits as inheritance
join pg_class as parent on parent.oid = inheritance.inhparent
cross join lateral partition_times(inheritance.inhrelid) as times
where parent.oid in ('delivery_reports'::regclass, 'inbound_messages'::regclass);

comment on view callback_partitions is
    'The partitions of delivery_reports and inbound_messages, and the times of reception that each covers.';
comment on column callback_partitions.table_name is 'The partitioned table.';
comment on column callback_partitions.partition is 'The partition. For its size: pg_total_relation_size(partition).';
comment on column callback_partitions.from_time is 'The first time that the partition covers; null if unbounded, and for a default partition.';
comment on column callback_partitions.to_time is 'The end, which the partition does not cover; null if unbounded, and for a default partition.';

create function make_partition(parent text, from_time timestamptz, to_time timestamptz)
returns text
language plpgsql
strict
security definer
set datestyle = 'iso'
set timezone = 'UTC'
set search_path from current
as $$
declare
    base text := parent || case
        when from_time = date_trunc('month', from_time) and to_time = from_time + interval '1 month'
            then to_char(from_time, '_YYYY_MM')
        when from_time = date_trunc('day', from_time)
            then to_char(from_time, '_YYYY_MM_DD')
        else to_char(from_time, '_YYYY_MM_DD_HH24MISS')
    end;
    partition text := base;
    take integer := 1;
    is_new boolean;
begin
    if parent not in ('delivery_reports', 'inbound_messages') then
        raise exception '% is not a partitioned table of callbacks', parent
            using errcode = 'invalid_parameter_value';
    end if;
    loop
        -- The catalog rather than to_regclass, whose cache does not show what another session has just
        -- created.
        is_new := not exists (
            select
            from pg_class
            where relname = partition
            and relnamespace = (select relnamespace from pg_class where oid = parent::regclass)
        );
        begin
            -- Created as a table of its own and then attached, a partition blocks neither writers nor
            -- readers (Postgres documentation, 5.12.2.2). Attaching creates the indexes.
            if is_new then
                execute format(
                    'create table %I (like %I including all excluding indexes excluding identity)',
                    partition, parent
                );
            end if;
            execute format(
                'alter table %I attach partition %I for values from (%L) to (%L)',
                parent, partition, from_time, to_time
            );
            return partition;
        exception
            when datatype_mismatch or check_violation or wrong_object_type or insufficient_privilege then
                if is_new then
                    raise;
                end if;
        end;
        -- The existing table of this name is not a detached partition, or no longer fits: leave it
        -- alone.
        take := take + 1;
        partition := base || '_' || take;
    end loop;
end $$;

comment on function make_partition is
    'Creates a partition for these times and returns its name. A detached table of that name is attached again.';

create function drop_expired_partition(parent text, older_than timestamptz)
returns text
language plpgsql
strict
security definer
set search_path from current
as $$
declare
    expired text;
begin
    -- One session at a time; the number is this function's alone.
    if not pg_try_advisory_xact_lock(125823037501186) then
        return null;
    end if;
    -- Whatever the argument, nothing of the last day is dropped.
    select partition::text
    into expired
    from callback_partitions
    where table_name = parent
    and to_time <= least(older_than, now() - interval '1 day')
    order by to_time
    limit 1;
    if found then
        execute format('drop table %s', expired);
    end if;
    return expired;
end $$;

comment on function drop_expired_partition is
    'Drops the oldest partition that is entirely older than this time and than a day, and returns its name; null if there is none, or if another session is dropping one.';

create function delete_expired_rejected_callbacks(older_than timestamptz, max_rows integer)
returns bigint
language sql
strict
security definer
set search_path from current
as $$
    with expired as (
        select received_at, id
        from rejected_callbacks
        where received_at < least(older_than, now() - interval '1 day')
        order by received_at, id
        limit max_rows
        for update skip locked
    ),
    deleted as (
        delete from rejected_callbacks
        using expired
        where rejected_callbacks.received_at = expired.received_at
        and rejected_callbacks.id = expired.id
        returning rejected_callbacks.id
    )
    select count(*)
    from deleted
$$;

comment on function delete_expired_rejected_callbacks is
    'Deletes up to max_rows rejected callbacks that are older than this time and than a day, and returns how many.';

create function missing_callbacks(
    parent text,
    times timestamptz[],
    ids uuid[],
    out received_at timestamptz,
    out id uuid
)
returns setof record
language plpgsql
stable
strict
security definer
set search_path from current
as $$
begin
    if parent not in ('delivery_reports', 'inbound_messages', 'rejected_callbacks') then
        raise exception 'no table of callbacks: %', parent;
    end if;
    return query execute format(
        'select key.received_at, key.id
         from unnest($1, $2) as key (received_at, id)
         where not exists (
             select
             from %I as stored
             where stored.received_at = key.received_at
             and stored.id = key.id
         )',
        parent
    )
    using times, ids;
end $$;

comment on function missing_callbacks is
    'Of the rows with these times and ids, those that are not in the table. The service asks after an insert that stored fewer rows than were sent: a trigger or rule may have dropped them.';

revoke execute on function
    make_partition,
    missing_callbacks,
    drop_expired_partition,
    delete_expired_rejected_callbacks
from public;
