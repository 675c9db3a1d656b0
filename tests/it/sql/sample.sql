-- The rows that docs/sql.md speaks of.

create function report_ago(ago interval, the_mess_id text, the_status text, the_number text)
returns uuid language sql as $$
    select a_report(now() - ago, the_mess_id, the_status, number => the_number)
$$;
create function message_ago(ago interval, the_message text, the_org text, the_charset text default 'iso-8859-1')
returns uuid language sql as $$
    select a_message(now() - ago, the_message, org => the_org, dest => '447700900000', charset => the_charset)
$$;

select report_ago('10 minutes', 'hello-1', '250', '447700900001'),
       report_ago('9 minutes 56 seconds', 'hello-1', '0', '447700900001'),
       report_ago('10 minutes', 'hello-1', '250', '447700900002'),
       report_ago('9 minutes', 'hello-1', '2', '447700900002'),
       report_ago('8 minutes', 'hello-2', '2', '447700900002'),
       report_ago('2 days', 'lost-1', '250', '447700900001'),
       report_ago('7 minutes', 'odd-1', '-1', '447700900001'),
       report_ago('6 minutes', 'long-1', '250', '447700900003'),
       report_ago('5 minutes 59 seconds', 'long-1', '250', '447700900003'),
       report_ago('5 minutes 52 seconds', 'long-1', '0', '447700900003'),
       report_ago('5 minutes 51 seconds', 'long-1', '253', '447700900003');

select message_ago('20 minutes', 'Hello', '447700900007'),
       message_ago('19 minutes 58 seconds', 'Hello', '447700900007'),
       message_ago('0', 'STOP please', '447700900007'),
       message_ago('15 minutes', 'yes', '447700900008'),
       message_ago('10 minutes', 'yes', '447700900008'),
       message_ago('9 minutes', 'caf�', '447700900008', 'utf-8-failed');

insert into rejected_callbacks (received_at, id, account, kind, reason, request, transport, remote_addr)
values (now(), id_at(now()), 'main', 'delivery-report', 'no parameter number', '{}', 'http-get', '::1');
