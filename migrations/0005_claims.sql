-- Consuming inbound messages: each is handed out once, to one of any number of consumers.
--
-- A consumer owns a message once it holds the row locks of all its attempts and has seen that none of
-- them is processed. Nobody waits for a lock, so consumers do not block each other. Could two consumers
-- own the same message through different attempts? Each would have had to read the attempts before the
-- other's attempts were committed, which cannot be true of both.

-- Functions keep this search path (`set search_path from current`), whatever their caller's is.
select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

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
    'When the row with this id arrived, read from the id itself (UUIDv7). In a condition on received_at beside the id, it avoids reading every partition. Null for an id that the service did not assign.';

create function attempt_before(attempt inbound_messages)
returns inbound_messages
language plpgsql
stable
set search_path from current
as $$
declare
    -- A variable is known when the query is planned: the query opens only the partitions it needs.
    attempt_window     interval := (select settings.attempt_window from settings);
    attempt_parameters text[]   := (select settings.attempt_parameters from settings);
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
            and earlier.extra - attempt_parameters = attempt.extra - attempt_parameters
        order by earlier.received_at desc, earlier.id desc
        limit 1
    );
end
$$;

comment on function attempt_before(inbound_messages) is
    'The previous attempt of the same message; null if this is the first.';

create function attempt_after(attempt inbound_messages)
returns inbound_messages
language plpgsql
stable
set search_path from current
as $$
declare
    -- A variable is known when the query is planned: the query opens only the partitions it needs.
    attempt_window     interval := (select settings.attempt_window from settings);
    attempt_parameters text[]   := (select settings.attempt_parameters from settings);
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
            and later.extra - attempt_parameters = attempt.extra - attempt_parameters
        order by later.received_at, later.id
        limit 1
    );
end
$$;

comment on function attempt_after(inbound_messages) is
    'The next attempt of the same message; null if this is the last.';

create function claim_inbound_messages(max_messages integer, only_account text default null)
returns setof inbox
language plpgsql
set search_path from current
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
    -- One query for each case, so that each uses its own index.
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
        -- Processed since the query began: here, as a later attempt, or by another consumer.
        continue when candidate.id is null or candidate.processed_at is not null;

        first := candidate;
        loop
            attempt := attempt_before(first);
            exit when attempt.id is null;
            first := attempt;
            exit when first.processed_at is not null;
        end loop;

        -- An attempt that arrived or was committed after its message was claimed: nothing to hand out.
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

        -- All consumers lock from the first attempt on, so that one of two gets all of them.
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
    'Hands out up to max_messages unprocessed messages, oldest first, as rows of inbox, and sets their processed_at. A claim in a transaction that rolls back is undone; release_inbound_messages undoes one that was committed.';

create function release_inbound_messages(ids uuid[])
returns void
language plpgsql
set search_path from current
as $$
declare
    released inbound_messages;
    attempt  inbound_messages;
    one      uuid;
begin
    -- An older snapshot would not show the attempts that others have marked since.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'release_inbound_messages in a transaction that is %', current_setting('transaction_isolation')
            using errcode = 'feature_not_supported', hint = 'Call it in a read committed transaction.';
    end if;
    for one in
        select distinct wanted
        from unnest(ids) as wanted
        order by wanted
    loop
        -- Each update waits for a consumer that holds the row, and the search for the next attempt
        -- sees what that consumer did: no attempt that it marked is left behind.
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
    'Gives back claimed messages, by their ids: processed_at of all their attempts is null again. For what failed after the claim was committed.';
