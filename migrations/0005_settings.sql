-- What is set in the database rather than in the service's configuration, because views and triggers
-- read it.

create table settings (
    only_row       boolean  primary key default true constraint settings_is_one_row check (only_row),
    attempt_window interval not null default '60 seconds'
        constraint attempt_window_is_between_0_and_1_hour
        check (attempt_window between '0 seconds' and '1 hour'),
    notify         boolean  not null default true
);

insert into settings default values;

-- Triggers and functions read it as whoever runs them.
grant select on settings to public;

comment on table settings is
    'What the views and triggers go by: one row, yours to update. It takes effect at once, without a restart.';
comment on column settings.only_row is 'Always true: there is one row.';
comment on column settings.attempt_window is
    'How long after an attempt the same content still counts as another attempt of the same message (view inbox). At most 1 hour.';
comment on column settings.notify is
    'Whether new rows are announced on the channel routo_receiver. Notifying makes commits of the whole cluster take turns; many replicas may want it off.';
