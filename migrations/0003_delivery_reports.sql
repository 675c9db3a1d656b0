-- Reading delivery reports: what became of a message, which messages are unfinished, and following the
-- reports as they arrive.

-- Functions keep this search path (`set search_path from current`), whatever their caller's is.
select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

create view message_status as
with report as (
    select
        reports.account,
        reports.mess_id,
        reports.number,
        reports.status,
        reports.status_code,
        statuses.description,
        coalesce(statuses.outcome, 'unknown') as outcome,
        coalesce(statuses.final, false) as final,
        reports.received_at,
        reports.id
    from delivery_reports as reports
    left join delivery_statuses as statuses on statuses.code = reports.status_code
)
select distinct on (account, mess_id, number)
    account,
    mess_id,
    number,
    status,
    status_code,
    description,
    outcome,
    final,
    min(received_at) over message as first_report_at,
    max(received_at) over message as last_report_at,
    count(*) over message as reports,
    count(*) filter (where outcome = 'delivered') over message as delivered_reports,
    count(*) filter (where outcome = 'failed') over message as failed_reports
from report
window message as (partition by account, mess_id, number)
order by account, mess_id, number, final desc, received_at desc, id desc;

comment on view message_status is
    'One row per message and number: its current status. A final report outranks a pending one, whenever it arrived; among equals, the latest wins.';
comment on column message_status.account is 'The configured account that received the reports.';
comment on column message_status.mess_id is 'The id that the sender gave the message.';
comment on column message_status.number is 'The number the message was sent to.';
comment on column message_status.status is 'The current status, as it arrived.';
comment on column message_status.status_code is 'The current status as a number; null if it is not a number.';
comment on column message_status.description is 'The gateway''s wording; null for a code that its document does not list.';
comment on column message_status.outcome is 'delivered, pending, failed, or unknown for a code that the gateway''s document does not list.';
comment on column message_status.final is 'Whether the gateway is done with the message.';
comment on column message_status.first_report_at is 'When the first report arrived.';
comment on column message_status.last_report_at is 'When the last report arrived.';
comment on column message_status.reports is 'How many reports arrived, repeated ones included.';
comment on column message_status.delivered_reports is 'How many of them say delivered. Long messages are reported segment by segment.';
comment on column message_status.failed_reports is 'How many of them say failed. If delivered_reports is above 0, too, the segments differ.';

-- Begins with a row of the table, so that a condition on the time reads only the partitions it needs.
create view unfinished_messages as
select
    last_report.account,
    last_report.mess_id,
    last_report.number,
    last_report.status,
    last_report.status_code,
    statuses.description,
    last_report.received_at as last_report_at,
    round(
        (extract(epoch from now() - last_report.received_at) / 3600)::numeric, 2
    ) as hours_since_last_report
from delivery_reports as last_report
left join delivery_statuses as statuses on statuses.code = last_report.status_code
where statuses.final is not true
    and not exists (
        select
        from delivery_reports as report
        left join delivery_statuses as meaning on meaning.code = report.status_code
        where report.mess_id = last_report.mess_id
            and report.number = last_report.number
            and report.account = last_report.account
            and (
                meaning.final
                or (report.received_at, report.id) > (last_report.received_at, last_report.id)
            )
    );

comment on view unfinished_messages is
    'Messages without a final report, each with its last one: the rows of message_status that are not final. In a large table, ask for a range of last_report_at.';
comment on column unfinished_messages.account is 'The configured account that received the reports.';
comment on column unfinished_messages.mess_id is 'The id that the sender gave the message.';
comment on column unfinished_messages.number is 'The number the message was sent to.';
comment on column unfinished_messages.status is 'The last status, as it arrived.';
comment on column unfinished_messages.status_code is 'The last status as a number; null if it is not a number.';
comment on column unfinished_messages.description is 'The gateway''s wording; null for a code that its document does not list.';
comment on column unfinished_messages.last_report_at is 'When the last report arrived. A condition on it reads only the partitions it needs.';
comment on column unfinished_messages.hours_since_last_report is 'How many hours ago the last report arrived.';

-- Neither received_at nor id says in which order rows become visible: a slower transaction, another
-- replica or the spool may commit a report behind newer ones. The transaction id does: below the oldest
-- transaction that still runs, no row can appear any more.
create function delivery_reports_since(
    after_transaction xid8    default '0',
    after_id          uuid    default '00000000-0000-0000-0000-000000000000',
    max_reports       integer default 1000
)
returns setof delivery_reports
language plpgsql
stable
-- A plan for these very arguments, along the index. A generic plan would read the table from its
-- beginning. A plan that sorts, which stale statistics suggest, would sort all unread reports.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set search_path from current
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
    -- Ids of transactions that have not begun come from another cluster, after a dump and restore for
    -- example. Reading on would return nothing until this cluster has used up as many ids.
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
    'The next reports after the one with this transaction_id and id, at most max_reports, in the order of transaction_id and id. Returns only reports of transactions that are older than all running ones, so that none is missed, however late it is committed.';
