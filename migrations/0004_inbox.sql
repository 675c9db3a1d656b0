-- Reading inbound messages, each once. The gateway gives them no id and repeats what was not confirmed:
-- an attempt is recognised by its content, the same bytes and parameters between the same numbers, at
-- most settings.attempt_window after the attempt before it.

-- Whether a row is a message's first attempt is found by looking back from that row, not by sorting the
-- table: the view costs what is asked for.
create view inbox as
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
-- A left join: a query that asks for nothing of the other attempts does not look for them.
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
                and later.extra - (select attempt_parameters from settings)
                    = first.extra - (select attempt_parameters from settings)
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
        and earlier.extra - (select attempt_parameters from settings)
            = first.extra - (select attempt_parameters from settings)
    -- Keeps the planner from joining the whole table with itself.
    offset 0
);

comment on view inbox is
    'Inbound messages, each once: the gateway''s repeated attempts (the same in everything but settings.attempt_parameters, at most settings.attempt_window after the attempt before) are one row, that of the first attempt.';
comment on column inbox.received_at is 'When the first attempt arrived, by the service''s clock.';
comment on column inbox.id is 'Identity of the first attempt in inbound_messages.';
comment on column inbox.account is 'The configured account that authenticated the message.';
comment on column inbox.org is 'The number or name the message was sent from.';
comment on column inbox.dest is 'The long number the message was sent to.';
comment on column inbox.dcs is 'The data coding scheme as it arrived; null if there was none.';
comment on column inbox.message is 'The decoded text; empty for binary messages. U+FFFD stands for what could not be decoded.';
comment on column inbox.message_raw is 'The exact bytes of the message parameter.';
comment on column inbox.charset is 'The charset the text was decoded from, or binary. Ends in -failed if a part could not be decoded.';
comment on column inbox.transport is 'How the first attempt arrived.';
comment on column inbox.remote_addr is 'The address the first attempt came from.';
comment on column inbox.extra is 'Parameters of the first attempt that the gateway''s document does not name.';
comment on column inbox.processed_at is 'When your application processed the message: the earliest time of its attempts; null until then.';
comment on column inbox.attempts is 'How many attempts arrived.';
comment on column inbox.first_received_at is 'When the first attempt arrived.';
comment on column inbox.last_received_at is 'When the last attempt arrived.';

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
    'Messages of which a part could not be decoded, each once. Their bytes are kept: after the account''s charset is corrected, routo-receiver redecode decodes them again.';
comment on column undecodable_messages.received_at is 'When the first attempt arrived.';
comment on column undecodable_messages.id is 'Identity of the first attempt in inbound_messages.';
comment on column undecodable_messages.account is 'The configured account that authenticated the message.';
comment on column undecodable_messages.org is 'The number or name the message was sent from.';
comment on column undecodable_messages.dest is 'The long number the message was sent to.';
comment on column undecodable_messages.dcs is 'The data coding scheme as it arrived; null if there was none.';
comment on column undecodable_messages.charset is 'The charset that was tried, with -failed at the end.';
comment on column undecodable_messages.message is 'The text as far as it could be decoded; U+FFFD stands for the rest.';
comment on column undecodable_messages.message_raw is 'The exact bytes of the message parameter.';
