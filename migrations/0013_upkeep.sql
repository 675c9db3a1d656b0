-- What the service does to its tables beside inserting: it makes partitions, and drops what is older
-- than its configuration says. Only a table's owner may do that, so it happens in functions that act
-- as the owner, and a service that owns nothing can be allowed to call them (deploy/roles.sql).

create function partition_times(partition regclass, out from_time timestamptz, out to_time timestamptz)
language sql
stable
-- The catalog's text is read back as it was written: other styles name zones ambiguously.
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
    'The times of reception that a partition covers: from the first up to, but without, the second. Null is without end; a default partition has neither.';

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
comment on column callback_partitions.partition is 'The partition. Its size: pg_total_relation_size(partition).';
comment on column callback_partitions.from_time is 'The first time it covers; null where there is none, and for a default partition.';
comment on column callback_partitions.to_time is 'The end, which it does not cover; null where there is none, and for a default partition.';

create function make_partition(parent text, from_time timestamptz, to_time timestamptz)
returns text
language plpgsql
strict
security definer
set datestyle = 'iso'
set timezone = 'UTC'
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
        raise exception '% is no table of callbacks that is partitioned', parent
            using errcode = 'invalid_parameter_value';
    end if;
    loop
        -- The catalog's table: to_regclass would answer from a cache, which does not see what another
        -- session has just made.
        is_new := not exists (
            select
            from pg_class
            where relname = partition
            and relnamespace = (select relnamespace from pg_class where oid = parent::regclass)
        );
        begin
            -- Made by itself and then attached, it keeps nobody from writing or reading (Postgres
            -- documentation, 5.12.2.2). Attaching brings the indexes.
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
        -- What has the name was not detached from here, or has changed since: leave it alone.
        take := take + 1;
        partition := base || '_' || take;
    end loop;
end $$;

comment on function make_partition is
    'Makes a partition for these times and returns its name. A table of that name which was detached is attached again.';

create function drop_expired_partition(parent text, older_than timestamptz)
returns text
language plpgsql
strict
security definer
as $$
declare
    expired text;
begin
    -- One at a time: the number stands for this function alone.
    if not pg_try_advisory_xact_lock(125823037501186) then
        return null;
    end if;
    -- Whatever it is called with, nothing of the last day goes.
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
    'Drops the oldest partition all of which is older than this, and older than a day; returns its name, or null where there is none, or another session is at it.';

create function delete_expired_rejected_callbacks(older_than timestamptz, max_rows integer)
returns bigint
language sql
strict
security definer
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
    'Deletes up to so many rejected callbacks that are older than this, and older than a day; returns how many.';

-- Names in a function mean what they mean here, whatever the search path of who calls it. Those that
-- act as the tables' owner nobody may call who was not allowed to.
do $$
declare
    tables record;
    function_here regprocedure;
    owners_function regprocedure;
begin
    select relnamespace::regnamespace as home, relowner::regrole as owner
    into tables
    from pg_class
    where oid = 'delivery_reports'::regclass;
    foreach function_here in array array[
        'attempt_before(inbound_messages)',
        'attempt_after(inbound_messages)',
        'claim_inbound_messages(integer, text)',
        'release_inbound_messages(uuid[])',
        'delivery_reports_since(xid8, uuid, integer)',
        'notify_of_new_rows()'
    ]::regprocedure[]
    loop
        execute format(
            'alter function %s set search_path = %s, pg_temp', function_here, tables.home
        );
    end loop;
    foreach owners_function in array array[
        'make_partition(text, timestamptz, timestamptz)',
        'drop_expired_partition(text, timestamptz)',
        'delete_expired_rejected_callbacks(timestamptz, integer)'
    ]::regprocedure[]
    loop
        execute format(
            'alter function %s set search_path = %s, pg_temp', owners_function, tables.home
        );
        execute format('alter function %s owner to %s', owners_function, tables.owner);
        execute format('revoke execute on function %s from public', owners_function);
    end loop;
end $$;
