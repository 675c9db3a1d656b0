-- What a status means: Table 6 of the gateway's document (section 5.4), with the SMPP states of its
-- section 4.3. The document defines neither outcome nor finality: here, sent and accepted are pending,
-- every other status is final. Section 4.3 groups code 6 under ACCEPTD, but its wording names a failure
-- of the handset, so its outcome is failed.

create table delivery_statuses (
    code        integer primary key,
    description text    not null,
    smpp_state  text    not null,
    outcome     text    not null check (outcome in ('delivered', 'pending', 'failed', 'unknown')),
    final       boolean not null
);

comment on table delivery_statuses is
    'What each status code means: Table 6 of the gateway''s document. A code that is not listed here has the outcome unknown.';
comment on column delivery_statuses.code is 'The status code, as in delivery_reports.status_code.';
comment on column delivery_statuses.description is 'The gateway''s wording.';
comment on column delivery_statuses.smpp_state is 'The SMPP message state that the gateway groups the code under; UNKNOWN if it names none.';
comment on column delivery_statuses.outcome is 'delivered, pending, failed or unknown.';
comment on column delivery_statuses.final is 'Whether the gateway is done with the message.';

insert into delivery_statuses (code, description, smpp_state, outcome, final) values
    (0, 'Delivered', 'DELIVRD', 'delivered', true),
    (1, 'Rejected: Message length is invalid', 'REJECTD', 'failed', true),
    (2, 'Subscriber absent', 'UNKNOWN', 'failed', true),
    (3, 'Device memory capacity exceeded', 'EXPIRED', 'failed', true),
    (4, 'Equipment protocol error', 'DELETED', 'failed', true),
    (5, 'Equipment not supported', 'UNDELIV', 'failed', true),
    (6, 'Equipment not SM equipped', 'ACCEPTD', 'failed', true),
    (7, 'Unknown service centre', 'UNKNOWN', 'failed', true),
    (8, 'Service centre congestion', 'REJECTD', 'failed', true),
    (9, 'Undeliverable', 'UNDELIV', 'failed', true),
    (10, 'Rejected: Invalid source address', 'REJECTD', 'failed', true),
    (11, 'Invalid destination address', 'REJECTD', 'failed', true),
    (12, 'Illegal subscriber', 'UNKNOWN', 'failed', true),
    (13, 'Teleservice not provisioned', 'UNKNOWN', 'failed', true),
    (14, 'Illegal equipment', 'UNKNOWN', 'failed', true),
    (15, 'Call barred', 'UNKNOWN', 'failed', true),
    (16, 'Facility not supported', 'UNKNOWN', 'failed', true),
    (17, 'Subscriber busy for SM', 'UNKNOWN', 'failed', true),
    (18, 'System failure', 'UNKNOWN', 'failed', true),
    (19, 'Message waiting, list full', 'UNKNOWN', 'failed', true),
    (20, 'Data missing', 'UNKNOWN', 'failed', true),
    (21, 'Unexpected data value', 'UNKNOWN', 'failed', true),
    (22, 'Resource limitation', 'UNKNOWN', 'failed', true),
    (23, 'Initiating release', 'UNKNOWN', 'failed', true),
    (24, 'Unknown alphabet', 'UNKNOWN', 'failed', true),
    (25, 'USSD busy', 'UNKNOWN', 'failed', true),
    (26, 'Duplicated invoke ID', 'UNKNOWN', 'failed', true),
    (27, 'No supported service', 'UNKNOWN', 'failed', true),
    (28, 'Mistyped parameter', 'UNKNOWN', 'failed', true),
    (29, 'Unexpected response from peer', 'UNKNOWN', 'failed', true),
    (30, 'Service completion failure', 'UNKNOWN', 'failed', true),
    (31, 'No response from peer', 'UNKNOWN', 'failed', true),
    (32, 'Invalid response received', 'UNKNOWN', 'failed', true),
    (34, 'Invalid destination', 'UNKNOWN', 'failed', true),
    (49, 'Message type not supported', 'REJECTD', 'failed', true),
    (50, 'Destination blocked for sending', 'UNKNOWN', 'failed', true),
    (51, 'Not enough money', 'UNKNOWN', 'failed', true),
    (52, 'No price', 'UNKNOWN', 'failed', true),
    (67, 'Invalid esm_class field data', 'UNKNOWN', 'failed', true),
    (69, 'Rejected by SMSC', 'REJECTD', 'failed', true),
    (72, 'Rejected: Invalid source address TON', 'REJECTD', 'failed', true),
    (73, 'Rejected: Invalid source address NPI', 'REJECTD', 'failed', true),
    (80, 'Rejected: Invalid destination address TON', 'REJECTD', 'failed', true),
    (81, 'Rejected: Invalid destination address NPI', 'UNKNOWN', 'failed', true),
    (88, 'Throttling error', 'UNKNOWN', 'failed', true),
    (97, 'Rejected: Invalid scheduled delivery time', 'UNKNOWN', 'failed', true),
    (100, 'Error sending message', 'UNKNOWN', 'failed', true),
    (247, 'Sent', 'UNKNOWN', 'pending', false),
    (248, 'Sent', 'UNKNOWN', 'pending', false),
    (249, 'Rejected', 'REJECTD', 'failed', true),
    (250, 'Accepted', 'UNKNOWN', 'pending', false),
    (251, 'Undeliverable', 'UNDELIV', 'failed', true),
    (252, 'Deleted', 'DELETED', 'failed', true),
    (253, 'Expired', 'EXPIRED', 'failed', true),
    (254, 'Roaming level not supported', 'UNKNOWN', 'failed', true),
    (255, 'Unknown error', 'UNKNOWN', 'failed', true);
