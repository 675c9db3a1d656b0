-- What became of a message: its reports, read together.

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
    'One row a message and number: its current status. A final report outranks a pending one, whenever it arrived; among equals the latest counts.';
comment on column message_status.account is 'The configured account that received the reports.';
comment on column message_status.mess_id is 'The id the sender gave the message.';
comment on column message_status.number is 'The number it was sent to.';
comment on column message_status.status is 'The current status, as it arrived.';
comment on column message_status.status_code is 'The current status as a number; null where it is none.';
comment on column message_status.description is 'The gateway''s wording for it; null for a code its document does not list.';
comment on column message_status.outcome is 'delivered, pending, failed, or unknown for a code its document does not list.';
comment on column message_status.final is 'Whether the gateway is done with the message.';
comment on column message_status.first_report_at is 'When the first report arrived.';
comment on column message_status.last_report_at is 'When the last report arrived.';
comment on column message_status.reports is 'How many reports arrived, repeated ones included.';
comment on column message_status.delivered_reports is 'How many of them say delivered. Long messages are reported segment by segment.';
comment on column message_status.failed_reports is 'How many of them say failed. Above 0 beside delivered_reports: segments differ.';
