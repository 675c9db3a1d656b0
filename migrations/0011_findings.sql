-- Views of what deserves a second look. Each begins with a row of its own table, so that a condition
-- on the time reads only the partitions it asks for.

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
    'Messages without a final report, each with its last one: the rows of message_status that are not final. To look at a part of a large table, ask for a range of last_report_at.';
comment on column unfinished_messages.account is 'The configured account that received the reports.';
comment on column unfinished_messages.mess_id is 'The id the sender gave the message.';
comment on column unfinished_messages.number is 'The number it was sent to.';
comment on column unfinished_messages.status is 'The last status, as it arrived.';
comment on column unfinished_messages.status_code is 'The last status as a number; null where it is none.';
comment on column unfinished_messages.description is 'The gateway''s wording for it; null for a code its document does not list.';
comment on column unfinished_messages.last_report_at is 'When the last report arrived. A condition on it reads only the partitions it asks for.';
comment on column unfinished_messages.hours_since_last_report is 'How many hours ago that was.';

create view suspected_duplicates as
select
    'inbound-message' as kind,
    message.received_at,
    message.id,
    message.account,
    message.org as number,
    message.message as content,
    previous.received_at as previous_received_at,
    previous.id as previous_id,
    message.received_at - previous.received_at as gap
from inbox as message
cross join lateral (
    select earlier.received_at, earlier.id
    from inbound_messages as earlier
    where earlier.org = message.org
        and earlier.received_at >= message.received_at - interval '1 day'
        and earlier.received_at < message.received_at
        and earlier.account = message.account
        and earlier.dest = message.dest
        and earlier.dcs is not distinct from message.dcs
        and earlier.message_raw = message.message_raw
    order by earlier.received_at desc
    limit 1
) as previous
union all
select
    'delivery-report',
    report.received_at,
    report.id,
    report.account,
    report.number,
    report.mess_id || ': ' || report.status,
    previous.received_at,
    previous.id,
    report.received_at - previous.received_at
from delivery_reports as report
cross join lateral (
    select earlier.received_at, earlier.id
    from delivery_reports as earlier
    where earlier.mess_id = report.mess_id
        and earlier.received_at >= report.received_at - interval '1 day'
        and earlier.received_at <= report.received_at
        and (earlier.received_at, earlier.id) < (report.received_at, report.id)
        and earlier.number = report.number
        and earlier.account = report.account
        and earlier.status = report.status
    order by earlier.received_at desc
    limit 1
) as previous;

comment on view suspected_duplicates is
    'What came again within a day: a message with the content of one before it, later than settings.attempt_window allows for an attempt; a report that says the same of the same message, as the segments of a long one do. Ask for a range of received_at.';
comment on column suspected_duplicates.kind is 'inbound-message or delivery-report.';
comment on column suspected_duplicates.received_at is 'When it came again. A condition on it reads only the partitions it asks for.';
comment on column suspected_duplicates.id is 'Its identity in inbound_messages or delivery_reports.';
comment on column suspected_duplicates.account is 'The configured account that authenticated it.';
comment on column suspected_duplicates.number is 'The handset''s number: org of a message, number of a report.';
comment on column suspected_duplicates.content is 'The text of a message; mess_id and status of a report.';
comment on column suspected_duplicates.previous_received_at is 'When the same came before.';
comment on column suspected_duplicates.previous_id is 'The identity of what came before.';
comment on column suspected_duplicates.gap is 'The time between the two.';

create view undecodable_messages as
select
    received_at,
    id,
    account,
    org,
    dest,
    dcs,
    charset,
    message,
    message_raw
from inbox
where charset like '%-failed';

comment on view undecodable_messages is
    'Messages of which a part could not be read, each once. Their bytes are kept: routo-receiver redecode reads them again after the account''s charset was corrected.';
comment on column undecodable_messages.received_at is 'When the first attempt arrived.';
comment on column undecodable_messages.id is 'Identity of the first attempt in inbound_messages.';
comment on column undecodable_messages.account is 'The configured account that authenticated the message.';
comment on column undecodable_messages.org is 'The number, or name, the message was sent from.';
comment on column undecodable_messages.dest is 'The long number it was sent to.';
comment on column undecodable_messages.dcs is 'The data coding scheme as it arrived; null when there was none.';
comment on column undecodable_messages.charset is 'The charset that was tried, with -failed at its end.';
comment on column undecodable_messages.message is 'The text as far as it could be read; U+FFFD stands for the rest.';
comment on column undecodable_messages.message_raw is 'The exact bytes of the message parameter.';
