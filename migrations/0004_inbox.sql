-- Messages without the gateway's repeated attempts. The gateway gives inbound messages no id, so an
-- attempt is recognised by its content: the same bytes between the same numbers, at most 60 seconds
-- after the attempt before it.

create view inbox as
with attempt as (
    select
        received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
        remote_addr, extra, processed_at,
        received_at - lag(received_at) over same_content <= interval '60 seconds' as is_repeated
    from inbound_messages
    window same_content as (
        partition by account, org, dest, dcs, message_raw order by received_at, id
    )
),
numbered as (
    select
        received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
        remote_addr, extra, processed_at,
        count(*) filter (where is_repeated is not true) over (
            partition by account, org, dest, dcs, message_raw order by received_at, id
        ) as occurrence
    from attempt
)
select distinct on (account, org, dest, dcs, message_raw, occurrence)
    received_at, id, account, org, dest, dcs, message, message_raw, charset, transport,
    remote_addr, extra, processed_at,
    count(*) over one_message as attempts,
    min(received_at) over one_message as first_received_at,
    max(received_at) over one_message as last_received_at
from numbered
window one_message as (partition by account, org, dest, dcs, message_raw, occurrence)
order by account, org, dest, dcs, message_raw, occurrence, received_at, id;

comment on view inbox is
    'Inbound messages, each once: the gateway''s repeated attempts (the same content within 60 seconds of the attempt before) are one row, that of the first attempt.';
comment on column inbox.received_at is 'When the first attempt arrived.';
comment on column inbox.id is 'Identity of the first attempt in inbound_messages.';
comment on column inbox.account is 'The configured account that authenticated the message.';
comment on column inbox.org is 'The number, or name, the message was sent from.';
comment on column inbox.dest is 'The long number it was sent to.';
comment on column inbox.dcs is 'The data coding scheme as it arrived; null when there was none.';
comment on column inbox.message is 'The text as it could be read; empty for binary messages.';
comment on column inbox.message_raw is 'The exact bytes of the message parameter.';
comment on column inbox.charset is 'The charset the text was read in; ends in -failed where a part could not be read.';
comment on column inbox.transport is 'How the first attempt arrived.';
comment on column inbox.remote_addr is 'The address the first attempt came from.';
comment on column inbox.extra is 'Parameters the gateway''s document does not name.';
comment on column inbox.processed_at is 'When your application dealt with the first attempt; null until then.';
comment on column inbox.attempts is 'How many attempts arrived.';
comment on column inbox.first_received_at is 'When the first attempt arrived.';
comment on column inbox.last_received_at is 'When the last attempt arrived.';
