-- Views for people: summaries by time, and callbacks that came again.
--
-- A summary begins with the hours or days and looks into each of them. A condition on hour or day then
-- selects partitions and a range of an index; grouped by date_trunc(received_at), every row would be
-- read.

create view delivery_outcomes_by_hour as
select
    hours.hour,
    outcomes.account,
    outcomes.reports,
    outcomes.delivered,
    outcomes.pending,
    outcomes.failed,
    outcomes.unknown
from generate_series(
    date_trunc('hour', (select min(received_at) from delivery_reports)),
    (select max(received_at) from delivery_reports),
    interval '1 hour'
) as hours (hour)
cross join lateral (
    select
        reports.account,
        count(*) as reports,
        count(*) filter (where statuses.outcome = 'delivered') as delivered,
        count(*) filter (where statuses.outcome = 'pending') as pending,
        count(*) filter (where statuses.outcome = 'failed') as failed,
        count(*) filter (where coalesce(statuses.outcome, 'unknown') = 'unknown') as unknown
    from delivery_reports as reports
    left join delivery_statuses as statuses on statuses.code = reports.status_code
    where reports.received_at >= hours.hour
        and reports.received_at < hours.hour + interval '1 hour'
    group by reports.account
) as outcomes;

comment on view delivery_outcomes_by_hour is
    'How many reports of each outcome arrived, by hour and account. Counts reports, not messages: a long message may be reported once per segment.';
comment on column delivery_outcomes_by_hour.hour is 'The beginning of the hour. A condition on it reads only the hours it needs.';
comment on column delivery_outcomes_by_hour.account is 'The configured account that received the reports.';
comment on column delivery_outcomes_by_hour.reports is 'How many reports arrived.';
comment on column delivery_outcomes_by_hour.delivered is 'How many of them say delivered.';
comment on column delivery_outcomes_by_hour.pending is 'How many of them say that the message is on the way.';
comment on column delivery_outcomes_by_hour.failed is 'How many of them say failed.';
comment on column delivery_outcomes_by_hour.unknown is 'How many of them have a code that the gateway''s document does not list.';

-- Days are counted in local time and then converted to points in time. Counted as points in time, every
-- day after one whose clock goes forward at midnight would begin at 1 o'clock. A day begins when the
-- last second of the day before is over: where the clock goes back, there may be two midnights.
create view delivery_outcomes_by_day as
select
    days.midnight::date as day,
    outcomes.account,
    outcomes.reports,
    outcomes.delivered,
    outcomes.pending,
    outcomes.failed,
    outcomes.unknown
from generate_series(
    (select min(received_at) from delivery_reports)::date::timestamp,
    (select max(received_at) from delivery_reports)::timestamp,
    interval '1 day'
) as days (midnight)
cross join lateral (
    select
        reports.account,
        count(*) as reports,
        count(*) filter (where statuses.outcome = 'delivered') as delivered,
        count(*) filter (where statuses.outcome = 'pending') as pending,
        count(*) filter (where statuses.outcome = 'failed') as failed,
        count(*) filter (where coalesce(statuses.outcome, 'unknown') = 'unknown') as unknown
    from delivery_reports as reports
    left join delivery_statuses as statuses on statuses.code = reports.status_code
    where reports.received_at >= (days.midnight - interval '1 second')::timestamptz + interval '1 second'
        and reports.received_at < (days.midnight + interval '1 day' - interval '1 second')::timestamptz
                + interval '1 second'
    group by reports.account
) as outcomes;

comment on view delivery_outcomes_by_day is
    'How many reports of each outcome arrived, by day and account. Counts reports, not messages: a long message may be reported once per segment.';
comment on column delivery_outcomes_by_day.day is 'The day, in the session''s time zone. A condition on it reads only the days it needs.';
comment on column delivery_outcomes_by_day.account is 'The configured account that received the reports.';
comment on column delivery_outcomes_by_day.reports is 'How many reports arrived.';
comment on column delivery_outcomes_by_day.delivered is 'How many of them say delivered.';
comment on column delivery_outcomes_by_day.pending is 'How many of them say that the message is on the way.';
comment on column delivery_outcomes_by_day.failed is 'How many of them say failed.';
comment on column delivery_outcomes_by_day.unknown is 'How many of them have a code that the gateway''s document does not list.';

create view failure_reasons_by_day as
select
    days.midnight::date as day,
    reasons.account,
    reasons.status,
    reasons.description,
    reasons.smpp_state,
    reasons.outcome,
    reasons.reports
from generate_series(
    (select min(received_at) from delivery_reports)::date::timestamp,
    (select max(received_at) from delivery_reports)::timestamp,
    interval '1 day'
) as days (midnight)
cross join lateral (
    select
        reports.account,
        reports.status,
        statuses.description,
        statuses.smpp_state,
        coalesce(statuses.outcome, 'unknown') as outcome,
        count(*) as reports
    from delivery_reports as reports
    left join delivery_statuses as statuses on statuses.code = reports.status_code
    where reports.received_at >= (days.midnight - interval '1 second')::timestamptz + interval '1 second'
        and reports.received_at < (days.midnight + interval '1 day' - interval '1 second')::timestamptz
                + interval '1 second'
        and coalesce(statuses.outcome, 'unknown') in ('failed', 'unknown')
    group by reports.account, reports.status, statuses.code
) as reasons;

comment on view failure_reasons_by_day is
    'Why messages were not delivered: how many reports of each failed or unknown status arrived, by day and account.';
comment on column failure_reasons_by_day.day is 'The day, in the session''s time zone. A condition on it reads only the days it needs.';
comment on column failure_reasons_by_day.account is 'The configured account that received the reports.';
comment on column failure_reasons_by_day.status is 'The status as it arrived.';
comment on column failure_reasons_by_day.description is 'The gateway''s wording; null for a code that its document does not list.';
comment on column failure_reasons_by_day.smpp_state is 'The SMPP message state that the gateway groups the code under; null for a code that its document does not list.';
comment on column failure_reasons_by_day.outcome is 'failed, or unknown for a code that the gateway''s document does not list.';
comment on column failure_reasons_by_day.reports is 'How many reports of this status arrived.';

create view inbound_by_day as
select
    days.midnight::date as day,
    messages.account,
    messages.dest,
    messages.messages,
    messages.attempts,
    messages.senders,
    messages.undecodable
from generate_series(
    (select min(received_at) from inbound_messages)::date::timestamp,
    (select max(received_at) from inbound_messages)::timestamp,
    interval '1 day'
) as days (midnight)
cross join lateral (
    select
        inbox.account,
        inbox.dest,
        count(*) as messages,
        sum(inbox.attempts)::bigint as attempts,
        count(distinct inbox.org) as senders,
        count(*) filter (where inbox.charset like '%-failed') as undecodable
    from inbox
    where inbox.received_at >= (days.midnight - interval '1 second')::timestamptz + interval '1 second'
        and inbox.received_at < (days.midnight + interval '1 day' - interval '1 second')::timestamptz
                + interval '1 second'
    group by inbox.account, inbox.dest
) as messages;

comment on view inbound_by_day is
    'How many messages each long number received, by day. Counts messages, not repeated attempts of the gateway.';
comment on column inbound_by_day.day is 'The day of the first attempt, in the session''s time zone. A condition on it reads only the days it needs.';
comment on column inbound_by_day.account is 'The configured account that authenticated the messages.';
comment on column inbound_by_day.dest is 'The long number.';
comment on column inbound_by_day.messages is 'How many messages the long number received.';
comment on column inbound_by_day.attempts is 'How many attempts of the gateway they took.';
comment on column inbound_by_day.senders is 'How many different originators sent them.';
comment on column inbound_by_day.undecodable is 'How many of them could not be decoded in full: see the view undecodable_messages.';

create view callbacks_per_minute as
select
    minutes.minute,
    count(callback.kind) as callbacks,
    count(*) filter (where callback.kind = 'delivery-report') as delivery_reports,
    count(*) filter (where callback.kind = 'inbound-message') as inbound_messages,
    count(*) filter (where callback.kind = 'rejected') as rejected_callbacks
from generate_series(
    date_trunc('minute', now()) - interval '59 minutes',
    date_trunc('minute', now()),
    interval '1 minute'
) as minutes (minute)
left join (
    select date_trunc('minute', received_at) as minute, 'delivery-report' as kind
    from delivery_reports
    where received_at >= date_trunc('minute', now()) - interval '59 minutes'
    union all
    select date_trunc('minute', received_at), 'inbound-message'
    from inbound_messages
    where received_at >= date_trunc('minute', now()) - interval '59 minutes'
    union all
    select date_trunc('minute', received_at), 'rejected'
    from rejected_callbacks
    where received_at >= date_trunc('minute', now()) - interval '59 minutes'
) as callback on callback.minute = minutes.minute
group by minutes.minute;

comment on view callbacks_per_minute is
    'How many callbacks arrived in each of the last 60 minutes, including the current one and minutes without callbacks.';
comment on column callbacks_per_minute.minute is 'The beginning of the minute.';
comment on column callbacks_per_minute.callbacks is 'How many callbacks arrived, counting every attempt.';
comment on column callbacks_per_minute.delivery_reports is 'How many of them are delivery reports.';
comment on column callbacks_per_minute.inbound_messages is 'How many of them are inbound messages.';
comment on column callbacks_per_minute.rejected_callbacks is 'How many of them could not be used.';

-- Begins with a row of each table, so that a condition on the time reads only the partitions it needs.
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
        and earlier.extra - (select attempt_parameters from settings)
            = message.extra - (select attempt_parameters from settings)
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
    'Callbacks that came again within a day: a message with the same content as an earlier one, too late to be an attempt by settings.attempt_window; a report with the same status of the same message, as for the segments of a long one. Ask for a range of received_at.';
comment on column suspected_duplicates.kind is 'inbound-message or delivery-report.';
comment on column suspected_duplicates.received_at is 'When the callback came again. A condition on it reads only the partitions it needs.';
comment on column suspected_duplicates.id is 'Identity of the callback in inbound_messages or delivery_reports.';
comment on column suspected_duplicates.account is 'The configured account that authenticated the callback.';
comment on column suspected_duplicates.number is 'The number of the handset: org of a message, number of a report.';
comment on column suspected_duplicates.content is 'The text of a message; mess_id and status of a report.';
comment on column suspected_duplicates.previous_received_at is 'When the callback before arrived.';
comment on column suspected_duplicates.previous_id is 'Identity of the callback before.';
comment on column suspected_duplicates.gap is 'The time between the two callbacks.';
