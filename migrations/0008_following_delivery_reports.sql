-- Reading delivery reports as they come, so that none is missed. Neither received_at nor id says in
-- which order rows become visible: a slower transaction, another replica or the spool may commit a
-- report behind newer ones. The transaction does: below the oldest that is still running, no row
-- can appear any more.

-- Rows from before this column are transaction 0: the part of the table that is known to be complete.
alter table delivery_reports
    add column transaction_id xid8 not null default '0';
alter table delivery_reports
    alter column transaction_id set default pg_current_xact_id();

-- The id is not in it: one entry then serves all rows of a batch, 7 bytes a row instead of 40.
create index delivery_reports_transaction_id on only delivery_reports (transaction_id);

comment on column delivery_reports.transaction_id is
    'The transaction that committed the report, for delivery_reports_since; 0 for reports from before there was this column.';
comment on index delivery_reports_transaction_id is 'For delivery_reports_since.';

create function delivery_reports_since(
    after_transaction xid8    default '0',
    after_id          uuid    default '00000000-0000-0000-0000-000000000000',
    max_reports       integer default 1000
)
returns setof delivery_reports
language plpgsql
stable
-- A plan for these very arguments, along the index: one for all arguments would read the table from
-- its beginning; one that sorts, as the planner likes to where statistics are old, all that is unread.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
begin
    if after_transaction is null or after_id is null then
        raise exception 'after_transaction or after_id is null'
            using errcode = 'null_value_not_allowed',
                hint = 'Give transaction_id and id of the last report that was read; leave both out to begin.';
    end if;
    if max_reports is null or max_reports < 1 then
        raise exception 'max_reports is %', coalesce(max_reports::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Ask for 1 report or more.';
    end if;
    -- Ids of transactions that have not begun come from another cluster, by a dump and restore, say.
    -- Going on would give nothing, for as long as it takes this cluster to get there.
    if after_transaction >= pg_snapshot_xmax(pg_current_snapshot())
        or exists (
            select
            from delivery_reports
            where transaction_id >= pg_snapshot_xmax(pg_current_snapshot())
                and transaction_id is distinct from pg_current_xact_id_if_assigned()
        )
    then
        raise exception 'transaction ids of another cluster'
            using errcode = 'object_not_in_prerequisite_state',
                hint = 'After a restore: update delivery_reports set transaction_id = ''0''; and let every reader begin again at 0. See docs/sql.md.';
    end if;
    return query
        select reports.*
        from delivery_reports as reports
        where (reports.transaction_id, reports.id) > (after_transaction, after_id)
            and reports.transaction_id > '0'
            and reports.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
        order by reports.transaction_id, reports.id
        limit max_reports;
end
$$;

comment on function delivery_reports_since(xid8, uuid, integer) is
    'The next reports after the one with this transaction_id and id, at most max_reports, in the order of transaction_id and id. Gives only what transactions wrote that are older than all that still run, so none is missed, however late it commits.';
