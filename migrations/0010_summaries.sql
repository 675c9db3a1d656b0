-- Views for people who look. A summary begins with the hours or days there are and looks into each:
-- a condition on hour or day then picks partitions and a range of an index, which a table grouped by
-- date_trunc(received_at) would not.

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
    'How many reports of each outcome arrived, by hour and account. Reports are counted, not messages: a long message may be reported once a segment.';
comment on column delivery_outcomes_by_hour.hour is 'The hour''s beginning. A condition on it reads only the hours it asks for.';
comment on column delivery_outcomes_by_hour.account is 'The configured account that received the reports.';
comment on column delivery_outcomes_by_hour.reports is 'How many reports arrived.';
comment on column delivery_outcomes_by_hour.delivered is 'How many of them say delivered.';
comment on column delivery_outcomes_by_hour.pending is 'How many of them say that the message is on its way.';
comment on column delivery_outcomes_by_hour.failed is 'How many of them say failed.';
comment on column delivery_outcomes_by_hour.unknown is 'How many of them have a code that the gateway''s document does not list.';

-- Days are counted as local time, and only then become a point in time: where the clock is put
-- forward at midnight, all days after it would begin at 1 o'clock. A day begins when the last second
-- of the day before is over: where the clock is put back, there may be two midnights.
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
    'How many reports of each outcome arrived, by day and account. Reports are counted, not messages: a long message may be reported once a segment.';
comment on column delivery_outcomes_by_day.day is 'The day, in the session''s time zone. A condition on it reads only the days it asks for.';
comment on column delivery_outcomes_by_day.account is 'The configured account that received the reports.';
comment on column delivery_outcomes_by_day.reports is 'How many reports arrived.';
comment on column delivery_outcomes_by_day.delivered is 'How many of them say delivered.';
comment on column delivery_outcomes_by_day.pending is 'How many of them say that the message is on its way.';
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
comment on column failure_reasons_by_day.day is 'The day, in the session''s time zone. A condition on it reads only the days it asks for.';
comment on column failure_reasons_by_day.account is 'The configured account that received the reports.';
comment on column failure_reasons_by_day.status is 'The status as it arrived.';
comment on column failure_reasons_by_day.description is 'The gateway''s wording for it; null for a code its document does not list.';
comment on column failure_reasons_by_day.smpp_state is 'The SMPP message state the gateway groups the code under; null for a code its document does not list.';
comment on column failure_reasons_by_day.outcome is 'failed, or unknown for a code the gateway''s document does not list.';
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
    'How many messages each long number got, by day. Repeated attempts of the gateway are not counted as messages.';
comment on column inbound_by_day.day is 'The day of the first attempt, in the session''s time zone. A condition on it reads only the days it asks for.';
comment on column inbound_by_day.account is 'The configured account that authenticated the messages.';
comment on column inbound_by_day.dest is 'The long number.';
comment on column inbound_by_day.messages is 'How many messages it got.';
comment on column inbound_by_day.attempts is 'How many attempts of the gateway that took.';
comment on column inbound_by_day.senders is 'From how many different originators.';
comment on column inbound_by_day.undecodable is 'How many of the messages could not be read in full: view undecodable_messages.';

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
    'How many callbacks arrived in each of the last 60 minutes, the current one included; minutes without any are there, too.';
comment on column callbacks_per_minute.minute is 'The minute''s beginning.';
comment on column callbacks_per_minute.callbacks is 'How many callbacks arrived, every attempt counted.';
comment on column callbacks_per_minute.delivery_reports is 'How many of them are delivery reports.';
comment on column callbacks_per_minute.inbound_messages is 'How many of them are inbound messages.';
comment on column callbacks_per_minute.rejected_callbacks is 'How many of them could not be used.';
