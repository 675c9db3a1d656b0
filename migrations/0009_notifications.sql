-- Says that there is something new, so that consumers need not ask all the time.

create function notify_of_new_rows()
returns trigger
language plpgsql
as $$
begin
    -- A listener that sleeps in a transaction fills the queue, and a full queue would refuse the
    -- commit of callbacks: half full, it is told no more.
    if (select notify from settings) and pg_notification_queue_usage() < 0.5 then
        perform pg_notify('routo_receiver', format('{"table":"%s"}', tg_table_name));
    end if;
    return null;
end
$$;

comment on function notify_of_new_rows() is
    'Notifies the channel routo_receiver with {"table":"NAME"}: once a table and commit, however many rows, since Postgres sends what repeats in a transaction once. Off where settings.notify is false.';

create trigger notify_of_new_rows after insert on delivery_reports
    for each statement execute function notify_of_new_rows();
create trigger notify_of_new_rows after insert on inbound_messages
    for each statement execute function notify_of_new_rows();
create trigger notify_of_new_rows after insert on rejected_callbacks
    for each statement execute function notify_of_new_rows();
