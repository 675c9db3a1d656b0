-- The callbacks, one row each, written once and never changed; and the settings of their readers.
-- Column names are those of the gateway's document.

create table delivery_reports (
    received_at    timestamptz not null,
    id             uuid        not null,
    account        text        not null,
    mess_id        text        not null,
    number         text        not null,
    status         text        not null,
    status_code    integer,
    transport      text        not null,
    remote_addr    inet        not null,
    extra          jsonb       not null,
    transaction_id xid8        not null default pg_current_xact_id(),
    primary key (received_at, id)
) partition by range (received_at);

comment on table delivery_reports is
    'Every delivery report as it arrived, one row per report, never changed. The view message_status says what became of a message.';
comment on column delivery_reports.received_at is 'When the report arrived, by the service''s clock. The table is partitioned by this time.';
comment on column delivery_reports.id is 'Identity of this report (UUIDv7), assigned by the service.';
comment on column delivery_reports.account is 'The configured account that authenticated the report.';
comment on column delivery_reports.mess_id is 'The id that the sender gave the message. Not unique: a bulk message uses one id for up to 10 numbers.';
comment on column delivery_reports.number is 'The number the message was sent to: digits, international, without +.';
comment on column delivery_reports.status is 'The status as it arrived. The table delivery_statuses explains it.';
comment on column delivery_reports.status_code is 'The status as a number; null if it is not a number. 0 means delivered.';
comment on column delivery_reports.transport is 'How the report arrived: http-get or http-post.';
comment on column delivery_reports.remote_addr is 'The address the report came from.';
comment on column delivery_reports.extra is 'Parameters that the gateway''s document does not name, and repeated ones: {"name": "value"} or {"name": ["value", ...]}. number_received is the number as it arrived, where normalising it changed more than a leading +.';
comment on column delivery_reports.transaction_id is 'The transaction that committed the report, for delivery_reports_since. 0 after a restore into another cluster: see docs/sql.md.';

create index delivery_reports_mess_id on delivery_reports (mess_id);
create index delivery_reports_number on delivery_reports (number, received_at);
-- Without the id, one index entry serves all rows of a batch: 7 bytes a row instead of 40.
create index delivery_reports_transaction_id on delivery_reports (transaction_id);

-- tests/sql/indexes.rs checks that queries use the indexes as these comments say.
comment on index delivery_reports_pkey is
    'For the newest reports and for a range of time. Makes a report that is written again the same row.';
comment on index delivery_reports_mess_id is
    'For the reports of a message by mess_id, also in message_status and unfinished_messages.';
comment on index delivery_reports_number is
    'For the reports about a number, also within a range of time.';
comment on index delivery_reports_transaction_id is
    'For delivery_reports_since.';

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

comment on table inbound_messages is
    'Every message sent to a long number, one row per attempt of the gateway; what arrived is never changed. The view inbox has each message once.';
comment on column inbound_messages.received_at is 'When the attempt arrived, by the service''s clock. The table is partitioned by this time.';
comment on column inbound_messages.id is 'Identity of this attempt (UUIDv7), assigned by the service; the gateway assigns none.';
comment on column inbound_messages.account is 'The configured account that authenticated the message.';
comment on column inbound_messages.org is 'The number or name the message was sent from.';
comment on column inbound_messages.dest is 'The long number the message was sent to.';
comment on column inbound_messages.dcs is 'The data coding scheme as it arrived; null if there was none.';
comment on column inbound_messages.message is 'The decoded text; empty for binary messages. U+FFFD stands for what could not be decoded.';
comment on column inbound_messages.message_raw is 'The exact bytes of the message parameter, after percent-decoding.';
comment on column inbound_messages.charset is 'The charset the text was decoded from, or binary. Ends in -failed if a part could not be decoded.';
comment on column inbound_messages.transport is 'How the attempt arrived: http-get or http-post.';
comment on column inbound_messages.remote_addr is 'The address the attempt came from.';
comment on column inbound_messages.extra is 'Parameters that the gateway''s document does not name, and repeated ones: {"name": "value"} or {"name": ["value", ...]}. org_received and dest_received are the numbers as they arrived, where normalising them changed more than a leading +.';
comment on column inbound_messages.processed_at is 'When your application processed the message; null until then. claim_inbound_messages sets it for all attempts of a message, release_inbound_messages clears it.';

create index inbound_messages_org on inbound_messages (org, received_at);
create index inbound_messages_dest on inbound_messages (dest, received_at);
-- With the id, wide as it is: otherwise a planner whose statistics are older than the processing may
-- prefer the primary key, which has the same order, and read it from its beginning.
create index inbound_messages_unprocessed
    on inbound_messages (received_at, id)
    where processed_at is null;
create index inbound_messages_unprocessed_account
    on inbound_messages (account, received_at, id)
    where processed_at is null;

comment on index inbound_messages_pkey is
    'For the newest messages and for a range of time. Makes a message that is written again the same row.';
comment on index inbound_messages_org is
    'For the messages from a number, and for the attempts before and after one (view inbox).';
comment on index inbound_messages_dest is
    'For the messages to a long number, also within a range of time.';
comment on index inbound_messages_unprocessed is
    'For claim_inbound_messages of all accounts.';
comment on index inbound_messages_unprocessed_account is
    'For claim_inbound_messages of one account.';

create table rejected_callbacks (
    received_at timestamptz not null,
    id          uuid        not null,
    account     text        not null,
    kind        text        not null,
    reason      text        not null,
    request     jsonb       not null,
    transport   text        not null,
    remote_addr inet        not null,
    replayed_at timestamptz,
    primary key (received_at, id)
);

comment on table rejected_callbacks is
    'Callbacks that authenticated but could not be used, kept so that nothing is lost. The gateway was answered 400, or 415 if the body could not be read.';
comment on column rejected_callbacks.received_at is 'When the callback arrived, by the service''s clock.';
comment on column rejected_callbacks.id is 'Identity of this callback (UUIDv7), assigned by the service.';
comment on column rejected_callbacks.account is 'The configured account that authenticated the callback.';
comment on column rejected_callbacks.kind is 'What the callback was meant to be: delivery-report or inbound-message.';
comment on column rejected_callbacks.reason is 'Why the callback could not be used.';
comment on column rejected_callbacks.request is 'Method, path and percent-encoded parameters of query and body, without credentials. *** stands for a password or token of an account, wherever it was.';
comment on column rejected_callbacks.transport is 'How the callback arrived: http-get or http-post.';
comment on column rejected_callbacks.remote_addr is 'The address the callback came from.';
comment on column rejected_callbacks.replayed_at is 'When `routo-receiver rejected replay` stored the callback after all, as a row with the same received_at and id; null until then.';

comment on index rejected_callbacks_pkey is
    'For the newest rejected callbacks and for a range of time. Makes one that is written again the same row.';

-- In the database rather than in the service's configuration, because views and triggers read it.
create table settings (
    only_row           boolean  primary key default true
        constraint settings_is_one_row check (only_row),
    attempt_window     interval not null default '60 seconds'
        constraint attempt_window_is_between_0_and_1_hour
        check (attempt_window between '0 seconds' and '1 hour'),
    attempt_parameters text[]   not null default '{}'
        constraint attempt_parameters_have_names
        check (array_position(attempt_parameters, null) is null),
    notify             boolean  not null default true
);

insert into settings default values;

-- Triggers and functions read it with the rights of their caller.
grant select on settings to public;

comment on table settings is
    'Settings of the views and triggers: one row, yours to update. A change takes effect at once, without a restart.';
comment on column settings.only_row is 'Always true: there is only one row.';
comment on column settings.attempt_window is
    'How long after an attempt the same content, with the same extra parameters, is another attempt of the same message (view inbox). At most 1 hour.';
comment on column settings.attempt_parameters is
    'Parameters in extra in which attempts of the same message may differ, such as one that numbers them. None by default: whatever differs in anything else is another message.';
comment on column settings.notify is
    'Whether new rows are announced on the channel routo_receiver. Commits that notify queue for one lock of the whole cluster: with many replicas, consider turning this off.';
