-- Which question each index answers. tests/sql/indexes.rs holds the plans to it.

comment on index delivery_reports_pkey is
    'For the newest reports and a range of time; and so that a report that is written again is the same row.';
comment on index delivery_reports_mess_id is
    'For what became of a message: by mess_id, in message_status and unfinished_messages, too.';
comment on index delivery_reports_number is
    'For the reports about a number, and those of a time.';

comment on index inbound_messages_pkey is
    'For the newest messages and a range of time; and so that a message that is written again is the same row.';
comment on index inbound_messages_org is
    'For the messages from a number, and for the attempts before and after one (view inbox).';
comment on index inbound_messages_dest is
    'For the messages to a long number, and those of a time.';

comment on index rejected_callbacks_pkey is
    'For the newest rejected callbacks and a range of time; and so that one that is written again is the same row.';
