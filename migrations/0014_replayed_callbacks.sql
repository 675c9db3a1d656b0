-- A rejected callback that was taken after all stays where it is, as evidence, and says so.

alter table rejected_callbacks add column replayed_at timestamptz;

comment on column rejected_callbacks.replayed_at is
    'When `routo-receiver rejected replay` made a row of it, of the same received_at and id; null until then.';
