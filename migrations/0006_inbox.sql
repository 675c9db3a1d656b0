-- The inbox at the cost of what is asked for: whether a row is a message's first attempt is found by
-- looking back from that row, not by sorting the table.

create or replace view inbox as
select
    first.received_at,
    first.id,
    first.account,
    first.org,
    first.dest,
    first.dcs,
    first.message,
    first.message_raw,
    first.charset,
    first.transport,
    first.remote_addr,
    first.extra,
    message.processed_at,
    message.attempts,
    first.received_at as first_received_at,
    message.last_received_at
from inbound_messages as first
-- Left, so that a query which doesn't ask for what the attempts tell doesn't look for them.
left join lateral (
    with recursive attempt as (
        select first.received_at, first.id, first.processed_at
        union all
        select next.received_at, next.id, next.processed_at
        from attempt
        cross join lateral (
            select later.received_at, later.id, later.processed_at
            from inbound_messages as later
            where later.org = first.org
                and later.received_at >= attempt.received_at
                and later.received_at <= attempt.received_at + (select attempt_window from settings)
                and (later.received_at, later.id) > (attempt.received_at, attempt.id)
                and later.account = first.account
                and later.dest = first.dest
                and later.dcs is not distinct from first.dcs
                and later.message_raw = first.message_raw
            order by later.received_at, later.id
            limit 1
        ) as next
    )
    select
        min(processed_at) as processed_at,
        count(*) as attempts,
        max(received_at) as last_received_at
    from attempt
) as message on true
where not exists (
    select
    from inbound_messages as earlier
    where earlier.org = first.org
        and earlier.received_at >= first.received_at - (select attempt_window from settings)
        and earlier.received_at <= first.received_at
        and (earlier.received_at, earlier.id) < (first.received_at, first.id)
        and earlier.account = first.account
        and earlier.dest = first.dest
        and earlier.dcs is not distinct from first.dcs
        and earlier.message_raw = first.message_raw
    -- Keeps the planner from joining the whole table with itself.
    offset 0
);

comment on view inbox is
    'Inbound messages, each once: the gateway''s repeated attempts (the same content at most settings.attempt_window after the attempt before) are one row, that of the first attempt.';
comment on column inbox.processed_at is 'When your application dealt with the message: the earliest of its attempts; null until then.';
comment on column inbox.received_at is 'When the first attempt arrived, by this service''s clock.';
comment on column inbox.message is 'The text as it could be read; empty for binary messages. U+FFFD stands for what could not be read.';
comment on column inbox.charset is 'The charset the text was read in, or binary. It ends in -failed where a part of the bytes could not be read.';
