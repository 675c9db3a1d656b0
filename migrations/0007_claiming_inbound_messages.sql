-- Consuming inbound messages: each is handed out once, to one of any number of consumers.
--
-- A consumer owns a message once it holds the row locks of all its attempts and has seen that none
-- is processed. Nobody waits for a lock, so nobody is in another's way. Of two consumers that know
-- no attempt in common, one would have to have read its attempts before the other's were committed,
-- and the other the reverse: there are no such two.

-- With the id, though it is wide: else the primary key, which has the same order, may look as good to
-- a planner whose statistics are from before the messages were processed, and is read from its start.
create index inbound_messages_unprocessed
    on only inbound_messages (received_at, id) where processed_at is null;
create index inbound_messages_unprocessed_account
    on only inbound_messages (account, received_at, id) where processed_at is null;

comment on index inbound_messages_unprocessed is 'For claim_inbound_messages of all accounts.';
comment on index inbound_messages_unprocessed_account is 'For claim_inbound_messages of one account.';

create function received_at_of(id uuid)
returns timestamptz
language sql
immutable
strict
parallel safe
as $$
    select case
        when substr(hex, 13, 1) = '7' then (
            timestamp 'epoch'
            + ('x' || left(hex, 12))::bit(48)::bigint * interval '1 millisecond'
            + ('x' || substr(hex, 14, 3))::bit(12)::integer * interval '1 microsecond'
        ) at time zone 'utc'
    end
    from replace(id::text, '-', '') as hex
$$;

comment on function received_at_of(uuid) is
    'When the row with this id arrived, read from the id itself (UUIDv7). Beside the id in a condition on received_at it spares looking into every partition. Null for an id that this service did not give.';

create function attempt_before(attempt inbound_messages)
returns inbound_messages
language plpgsql
stable
as $$
declare
    -- Known when the query is planned, so that it opens the partitions it needs and no other.
    attempt_window interval := (select settings.attempt_window from settings);
begin
    return (
        select earlier
        from inbound_messages as earlier
        where earlier.org = attempt.org
            and earlier.received_at >= attempt.received_at - attempt_window
            and earlier.received_at <= attempt.received_at
            and (earlier.received_at, earlier.id) < (attempt.received_at, attempt.id)
            and earlier.account = attempt.account
            and earlier.dest = attempt.dest
            and earlier.dcs is not distinct from attempt.dcs
            and earlier.message_raw = attempt.message_raw
        order by earlier.received_at desc, earlier.id desc
        limit 1
    );
end
$$;

comment on function attempt_before(inbound_messages) is
    'The attempt of the same message that arrived last before this one; null when this is the first.';

create function attempt_after(attempt inbound_messages)
returns inbound_messages
language plpgsql
stable
as $$
declare
    -- Known when the query is planned, so that it opens the partitions it needs and no other.
    attempt_window interval := (select settings.attempt_window from settings);
begin
    return (
        select later
        from inbound_messages as later
        where later.org = attempt.org
            and later.received_at >= attempt.received_at
            and later.received_at <= attempt.received_at + attempt_window
            and (later.received_at, later.id) > (attempt.received_at, attempt.id)
            and later.account = attempt.account
            and later.dest = attempt.dest
            and later.dcs is not distinct from attempt.dcs
            and later.message_raw = attempt.message_raw
        order by later.received_at, later.id
        limit 1
    );
end
$$;

comment on function attempt_after(inbound_messages) is
    'The attempt of the same message that arrived next after this one; null when this is the last.';

create function claim_inbound_messages(max_messages integer, only_account text default null)
returns setof inbox
language plpgsql
as $$
declare
    candidates    refcursor;
    candidate_at  timestamptz;
    candidate_id  uuid;
    candidate     inbound_messages;
    first         inbound_messages;
    attempt       inbound_messages;
    was_processed timestamptz;
    times         timestamptz[];
    ids           uuid[];
    claimed       integer := 0;
begin
    if max_messages is null or max_messages < 1 then
        raise exception 'max_messages is %', coalesce(max_messages::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Ask for 1 message or more.';
    end if;
    -- One query for each, so that each has its index.
    if only_account is null then
        open candidates for
            select received_at, id
            from inbound_messages
            where processed_at is null
            order by received_at, id;
    else
        open candidates for
            select received_at, id
            from inbound_messages
            where processed_at is null
                and account = only_account
            order by received_at, id;
    end if;

    <<messages>>
    while claimed < max_messages loop
        fetch candidates into candidate_at, candidate_id;
        exit when not found;
        candidate := (
            select current
            from inbound_messages as current
            where current.received_at = candidate_at
                and current.id = candidate_id
        );
        -- Processed since the query began, here as a later attempt or by another consumer.
        continue when candidate.id is null or candidate.processed_at is not null;

        first := candidate;
        loop
            attempt := attempt_before(first);
            exit when attempt.id is null;
            first := attempt;
            exit when first.processed_at is not null;
        end loop;

        -- An attempt that came, or was committed, after its message was claimed: nobody's work.
        if first.processed_at is not null then
            with processed as materialized (
                select processed_at
                from inbound_messages
                where received_at = first.received_at
                    and id = first.id
                    and processed_at is not null
                for update skip locked
            ),
            late as materialized (
                select id
                from inbound_messages
                where received_at = candidate_at
                    and id = candidate_id
                    and processed_at is null
                for update skip locked
            )
            update inbound_messages
            set processed_at = processed.processed_at
            from processed, late
            where inbound_messages.received_at = candidate_at
                and inbound_messages.id = late.id;
            continue messages;
        end if;

        -- From the first attempt on, so that one of two consumers gets them all.
        attempt := first;
        times := '{}';
        ids := '{}';
        loop
            select locked.processed_at
            into was_processed
            from inbound_messages as locked
            where locked.received_at = attempt.received_at
                and locked.id = attempt.id
            for update skip locked;
            continue messages when not found;
            exit when was_processed is not null;
            times := times || attempt.received_at;
            ids := ids || attempt.id;
            attempt := attempt_after(attempt);
            exit when attempt.id is null;
        end loop;
        update inbound_messages
        set processed_at = coalesce(was_processed, now())
        where received_at = any (times)
            and id = any (ids);

        if was_processed is null then
            claimed := claimed + 1;
            return query
                select
                    first.received_at, first.id, first.account, first.org, first.dest, first.dcs,
                    first.message, first.message_raw, first.charset, first.transport,
                    first.remote_addr, first.extra, now(), cardinality(ids)::bigint,
                    first.received_at, times[cardinality(times)];
        end if;
    end loop;
    close candidates;
end
$$;

comment on function claim_inbound_messages(integer, text) is
    'Hands out up to max_messages messages that nobody has processed, oldest first, as rows of inbox, and sets their processed_at. What is claimed in a transaction that rolls back is given back; so is what release_inbound_messages names.';

comment on column inbound_messages.processed_at is
    'When your application dealt with the message; null until then. claim_inbound_messages sets it for all attempts of a message, and release_inbound_messages takes that back.';

create function release_inbound_messages(ids uuid[])
returns void
language plpgsql
as $$
declare
    released inbound_messages;
    attempt  inbound_messages;
    one      uuid;
begin
    -- A snapshot from before would not show the attempts that others have marked since.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'release_inbound_messages in a transaction that is %', current_setting('transaction_isolation')
            using errcode = 'feature_not_supported', hint = 'Call it in a read committed transaction.';
    end if;
    for one in
        select distinct wanted
        from unnest(ids) as wanted
        order by wanted
    loop
        -- Each update waits for a consumer that is at this row; the look from there to the next
        -- attempt sees what it did. So none that it marks is left behind.
        update inbound_messages
        set processed_at = null
        where id = one
            and (received_at = received_at_of(one) or received_at_of(one) is null)
        returning inbound_messages.* into released;
        if not found then
            raise exception 'no inbound message has the id %', one
                using errcode = 'no_data_found', hint = 'Give the ids that claim_inbound_messages returned.';
        end if;
        attempt := attempt_before(released);
        while attempt.id is not null loop
            update inbound_messages
            set processed_at = null
            where received_at = attempt.received_at
                and id = attempt.id;
            attempt := attempt_before(attempt);
        end loop;
        attempt := attempt_after(released);
        while attempt.id is not null loop
            update inbound_messages
            set processed_at = null
            where received_at = attempt.received_at
                and id = attempt.id;
            attempt := attempt_after(attempt);
        end loop;
    end loop;
end
$$;

comment on function release_inbound_messages(uuid[]) is
    'Gives back messages that were claimed, by their ids: processed_at of all their attempts is null again. For what went wrong after the claim was committed.';
