-- The facts, one row for every callback that arrived, written once and never changed.
-- Column names are those of the gateway's document.

create table delivery_reports (
    received_at timestamptz not null,
    id          uuid        not null,
    account     text        not null,
    mess_id     text        not null,
    number      text        not null,
    status      text        not null,
    status_code integer,
    transport   text        not null,
    remote_addr inet        not null,
    extra       jsonb       not null,
    primary key (received_at, id)
) partition by range (received_at);

create index delivery_reports_mess_id on delivery_reports (mess_id);
create index delivery_reports_number on delivery_reports (number, received_at);

create table inbound_messages (
    received_at  timestamptz not null,
    id           uuid        not null,
    account      text        not null,
    org          text        not null,
    dest         text        not null,
    dcs          text,
    message      text        not null,
    message_raw  bytea       not null,
    charset      text        not null,
    transport    text        not null,
    remote_addr  inet        not null,
    extra        jsonb       not null,
    processed_at timestamptz,
    primary key (received_at, id)
) partition by range (received_at);

create index inbound_messages_org on inbound_messages (org, received_at);
create index inbound_messages_dest on inbound_messages (dest, received_at);

create table rejected_callbacks (
    received_at timestamptz not null,
    id          uuid        not null,
    account     text        not null,
    kind        text        not null,
    reason      text        not null,
    request     jsonb       not null,
    transport   text        not null,
    remote_addr inet        not null,
    primary key (received_at, id)
);

comment on table delivery_reports is
    'Every delivery report as it arrived, one row an attempt, never changed. What a message came to is in the view message_status.';
comment on column delivery_reports.received_at is 'When the report arrived, by this service''s clock. Tables are partitioned by it.';
comment on column delivery_reports.id is 'Identity of this arrival (UUIDv7), given by this service.';
comment on column delivery_reports.account is 'The configured account that authenticated the report.';
comment on column delivery_reports.mess_id is 'The id the sender gave the message. Not unique: a bulk message uses one for up to 10 numbers.';
comment on column delivery_reports.number is 'The number the message was sent to: digits, international, without +.';
comment on column delivery_reports.status is 'The status as it arrived. Its meaning is in delivery_statuses.';
comment on column delivery_reports.status_code is 'The status as a number; null where it is none. 0 is delivered.';
comment on column delivery_reports.transport is 'How it arrived: http-get or http-post.';
comment on column delivery_reports.remote_addr is 'The address it came from.';
comment on column delivery_reports.extra is 'Parameters the gateway''s document does not name, and repeated ones: {"name": "value"} or {"name": ["value", ...]}.';

comment on table inbound_messages is
    'Every message sent to the long number, one row an attempt of the gateway, facts never changed. Without repeated attempts: the view inbox.';
comment on column inbound_messages.received_at is 'When the message arrived, by this service''s clock. Tables are partitioned by it.';
comment on column inbound_messages.id is 'Identity of this arrival (UUIDv7), given by this service; the gateway gives none.';
comment on column inbound_messages.account is 'The configured account that authenticated the message.';
comment on column inbound_messages.org is 'The number, or name, the message was sent from.';
comment on column inbound_messages.dest is 'The long number it was sent to.';
comment on column inbound_messages.dcs is 'The data coding scheme as it arrived; null when there was none.';
comment on column inbound_messages.message is 'The text as it could be read; empty for binary messages. U+FFFD stands for what could not be read.';
comment on column inbound_messages.message_raw is 'The exact bytes of the message parameter, after percent-decoding.';
comment on column inbound_messages.charset is 'The charset the text was read in, or binary. It ends in -failed where a part of the bytes could not be read.';
comment on column inbound_messages.transport is 'How it arrived: http-get or http-post.';
comment on column inbound_messages.remote_addr is 'The address it came from.';
comment on column inbound_messages.extra is 'Parameters the gateway''s document does not name, and repeated ones: {"name": "value"} or {"name": ["value", ...]}.';
comment on column inbound_messages.processed_at is 'Yours: when your application dealt with the message; null until then.';

comment on table rejected_callbacks is
    'Callbacks that authenticated but could not be used, kept so that nothing is lost. The gateway was answered 400.';
comment on column rejected_callbacks.received_at is 'When the callback arrived, by this service''s clock.';
comment on column rejected_callbacks.id is 'Identity of this arrival (UUIDv7), given by this service.';
comment on column rejected_callbacks.account is 'The configured account that authenticated the callback.';
comment on column rejected_callbacks.kind is 'What it was meant to be: delivery-report or inbound-message.';
comment on column rejected_callbacks.reason is 'Why it could not be used.';
comment on column rejected_callbacks.request is 'Method, path and percent-encoded parameters of query and form, credentials removed.';
comment on column rejected_callbacks.transport is 'How it arrived: http-get or http-post.';
comment on column rejected_callbacks.remote_addr is 'The address it came from.';
