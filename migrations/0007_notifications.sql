-- Announcing new rows, so that consumers need not poll.

-- Functions keep this search path (`set search_path from current`), whatever their caller's is.
select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

create function notify_of_new_rows()
returns trigger
language plpgsql
set search_path from current
as $$
begin
    -- A listener that stays in a transaction fills the queue, and a full queue would fail the commit of
    -- callbacks. Above half full, nothing more is announced.
    if (select notify from settings) and pg_notification_queue_usage() < 0.5 then
        perform pg_notify('routo_receiver', format('{"table":"%s"}', tg_table_name));
    end if;
    return null;
end
$$;

comment on function notify_of_new_rows() is
    'Notifies the channel routo_receiver with {"table":"NAME"}: once per table and commit, however many rows, as Postgres sends equal notifications of a transaction once. Off if settings.notify is false.';

create trigger notify_of_new_rows after insert on delivery_reports
    for each statement execute function notify_of_new_rows();
create trigger notify_of_new_rows after insert on inbound_messages
    for each statement execute function notify_of_new_rows();
create trigger notify_of_new_rows after insert on rejected_callbacks
    for each statement execute function notify_of_new_rows();
