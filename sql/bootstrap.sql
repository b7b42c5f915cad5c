-- Tables of the ledger. Written only by the extension's own functions; read through the views.

CREATE TABLE accord.ledger (
    id          uuid PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    reader      int NOT NULL,
    major       int NOT NULL,
    system      bigint DEFAULT (pg_control_system()).system_identifier -- whose OIDs the facts have: pg_upgrade makes another
);
COMMENT ON TABLE accord.ledger IS 'one row: the identity of this database''s history';

-- The facts as of the newest sealed version.
CREATE TABLE accord.fact (
    id          text COLLATE "C" PRIMARY KEY,
    kind        text COLLATE "C" NOT NULL,
    schema      text COLLATE "C",
    classid     oid NOT NULL,
    objid       oid NOT NULL,
    objsubid    int NOT NULL,
    root_class  oid NOT NULL,
    root        oid NOT NULL,
    hash        bytea NOT NULL,
    body        text COLLATE "C" NOT NULL
);
CREATE INDEX fact_root ON accord.fact (root);
CREATE INDEX fact_object ON accord.fact (objid);

-- The outbox: one row per captured command, inserted in the command's own transaction.
CREATE TABLE accord.event (
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            uuid NOT NULL,
    xid           xid8 NOT NULL,
    tag           text NOT NULL,
    kind          text,
    identity      text,
    statement     text NOT NULL,
    exact         boolean NOT NULL,
    at            timestamptz NOT NULL,
    lsn           pg_lsn NOT NULL,             -- the WAL's end then: its transaction commits behind it
    concurrent    boolean NOT NULL DEFAULT false,
    reconciled    boolean NOT NULL DEFAULT false,
    unmodelled    text[] NOT NULL DEFAULT '{}',
    context       json NOT NULL,
    changes       json NOT NULL
);
CREATE INDEX event_xid ON accord.event (xid);

-- What unsealed events changed, one row per changed fact: overlays accord.fact until the event is sealed.
CREATE TABLE accord.pending (
    seq         bigint NOT NULL,
    ordinal     int NOT NULL,       -- of the change in the event
    id          text COLLATE "C" NOT NULL,
    hash        bytea,              -- null: the fact is gone
    classid     oid NOT NULL,
    objid       oid NOT NULL,
    objsubid    int NOT NULL,
    root_class  oid NOT NULL,
    root        oid NOT NULL,
    PRIMARY KEY (seq, ordinal, id)  -- a replica identity: a FOR ALL TABLES publication asks for one
);
CREATE INDEX pending_root ON accord.pending (root);

-- One row per event, inserted with it. Where a publication carries this table to a replica, a row that
-- arrives there proves that the rows of everything committed before the event arrived as well.
CREATE TABLE accord.fence (
    id          uuid PRIMARY KEY,
    event       uuid NOT NULL,
    source      uuid NOT NULL,              -- the ledger of the event
    turns       boolean NOT NULL DEFAULT false, -- rows behind it mean something else than rows before it
    frees       boolean NOT NULL DEFAULT false, -- a name that rows go by is free from here on
    takes       boolean NOT NULL DEFAULT false, -- such a name is taken
    via         oid,                        -- on a replica, the subscription that brought it
    stops       boolean NOT NULL DEFAULT false, -- on a replica: the subscription stands behind it until the event's version is applied
    beside      oid[],                      -- then: tables that its transaction wrote
    at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX fence_event ON accord.fence (event);

-- Tables that appeared, or left their partitioned table, and have not joined the publications yet.
CREATE TABLE accord.newcomer (
    relation    oid PRIMARY KEY
);

CREATE TABLE accord.version (
    version      bigint PRIMARY KEY,
    id           bytea NOT NULL UNIQUE,
    parent       bytea,
    xid          xid8,
    committed_at timestamptz NOT NULL,
    sealed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    fingerprint  bytea NOT NULL,   -- default projection
    content      bytea NOT NULL,   -- default projection without column order
    events       int NOT NULL
);
CREATE INDEX version_xid ON accord.version (xid);

-- Running sums (LtHash lanes) by schema and kind; schema '' for what is in none.
CREATE TABLE accord.sum (
    schema      text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    lanes       bytea NOT NULL,
    PRIMARY KEY (schema, kind)
);

-- Fingerprints of the projections that replicas mirror, by version.
CREATE TABLE accord.projected (
    version     bigint NOT NULL,
    projection  text NOT NULL,
    fingerprint bytea NOT NULL,
    PRIMARY KEY (projection, version)
);

CREATE TABLE accord.replica (
    name          text PRIMARY KEY CHECK (name <> '' AND octet_length(name) <= 63),
    id            bigint GENERATED ALWAYS AS IDENTITY UNIQUE, -- another one after drop and add under the same name
    conninfo      text NOT NULL,
    policy        jsonb NOT NULL DEFAULT '{}',
    projection    text NOT NULL,             -- canonical JSON
    added_at      timestamptz NOT NULL DEFAULT now(),
    baseline      bigint,                    -- version that its baseline stands at; null until it is taken
    acknowledged  bigint,
    state         text NOT NULL DEFAULT 'connecting',
    version       bigint,                    -- the one that the state is about
    reason        jsonb,                     -- {code, message, detail, hint} of the current failure
    attempts      int NOT NULL DEFAULT 0,    -- consecutive failures
    retry_at      timestamptz,
    done          int,                       -- steps of the current application, as the replica says
    total         int,
    subscriptions text[] NOT NULL DEFAULT '{}', -- there, fed by this database
    slots         text[] NOT NULL DEFAULT '{}', -- theirs, here
    publications  text[] NOT NULL DEFAULT '{}', -- theirs, here
    nudges        bigint NOT NULL DEFAULT 0, -- grows when a person wants the worker to look again
    server_version int,                      -- of the replica's server, from its last hello
    extension     text,                      -- version of its pg_accord, from its last hello
    protocol      int NOT NULL DEFAULT 1,    -- in which it was greeted
    changed_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE accord.delivery (
    replica        text NOT NULL REFERENCES accord.replica ON DELETE CASCADE,
    version        bigint NOT NULL,
    state          text NOT NULL,
    offered_at     timestamptz,
    negotiated_at  timestamptz,
    applying_at    timestamptz,
    acknowledged_at timestamptz,
    attempts       int NOT NULL DEFAULT 0,
    approved_by    text,
    approved_at    timestamptz,
    skip_reason    text,
    unfenced_by    text,                     -- who had it applied without waiting for the rows before it
    reason         jsonb,                    -- {code, message, detail, hint} of its last failure
    negotiation    jsonb,                    -- the last verdict of negotiate
    outcome        jsonb,                    -- the last verdict of apply
    PRIMARY KEY (replica, version)
);

-- What the last look at each replica found.
CREATE TABLE accord.inspection (
    replica      text PRIMARY KEY REFERENCES accord.replica ON DELETE CASCADE,
    begun        bigint NOT NULL,            -- microseconds since 1970: when the look was asked for
    at           timestamptz NOT NULL,       -- when it was answered
    version      bigint,                     -- acknowledged there
    expected     bytea,                      -- fingerprint of what is mirrored
    actual       bytea,                      -- of the mirrored facts as they are there
    drifted      bigint NOT NULL DEFAULT 0,  -- mirrored facts that are otherwise there
    failure      jsonb,                      -- why nothing could be seen: {code, message, detail, hint}
    rehearsed    bigint,                     -- begun of the look that a mending was planned on
    rehearsed_own boolean,                   -- with what is the replica's own dropped
    rehearsal    jsonb                       -- the replica's verdict on that mending
);

CREATE TABLE accord.drifted (
    replica      text NOT NULL REFERENCES accord.inspection ON DELETE CASCADE,
    fact         text COLLATE "C" NOT NULL,
    side         text NOT NULL,              -- replica behind, replica ahead, diverged
    expected     jsonb,
    actual       jsonb,
    author       jsonb,                      -- {event, at, reconciled, session_user, role, application, statement}
    own          json,                       -- replica ahead: the whole fact
    PRIMARY KEY (replica, fact)
);

-- Replicas that have versions which are not in this history, and where it leaves theirs.
CREATE TABLE accord.divergence (
    replica      text PRIMARY KEY REFERENCES accord.replica ON DELETE CASCADE,
    found_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    version      bigint NOT NULL,            -- where the replica stands
    id           bytea NOT NULL,
    common       bigint,                     -- the newest version of both; null where there is none
    versions     json NOT NULL               -- what the replica has beyond it
);

-- Replicas brought back to what is mirrored there, by a person's word.
CREATE TABLE accord.mending (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    replica      text NOT NULL REFERENCES accord.replica ON DELETE CASCADE,
    version      bigint NOT NULL,
    drop_own     boolean NOT NULL,
    keep         text,                       -- a divergence is resolved: whose history stays, source or replica
    target       bigint,                     -- and the version that the replica is led to, once it was offered
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state        text NOT NULL DEFAULT 'offered',
    attempts     int NOT NULL DEFAULT 0,
    negotiated_at timestamptz,
    applying_at  timestamptz,
    acknowledged_at timestamptz,
    approved_by  text,
    approved_at  timestamptz,
    reason       jsonb,
    negotiation  jsonb,
    outcome      jsonb
);
CREATE INDEX mending_replica ON accord.mending (replica, requested_at);

-- On a replica: which of whose facts are mirrored here, and where each source's history stands.
CREATE TABLE accord.upstream (
    source       uuid PRIMARY KEY,
    replica      text NOT NULL,
    version      bigint NOT NULL,
    id           bytea NOT NULL,
    projection   text NOT NULL,
    lanes        bytea NOT NULL,
    lsn          pg_lsn,                     -- of the source, when its baseline was taken: what was committed before is in it
    streams      boolean NOT NULL DEFAULT false, -- its versions are applied among the rows, by the apply worker
    since        timestamptz NOT NULL DEFAULT now()
);

-- The version of a source that was accepted and is applied where the stream brings its events.
CREATE TABLE accord.streamed (
    source       uuid PRIMARY KEY,
    version      bigint NOT NULL,
    role         oid NOT NULL,               -- who left it here: its steps run with that role's rights
    offer        json NOT NULL,
    failure      json,                       -- why it could not be applied there: reasons of a verdict
    at           timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE accord.mirror (
    source       uuid NOT NULL,
    id           text COLLATE "C" NOT NULL,
    hash         bytea NOT NULL,               -- the source's
    here         bytea,                        -- the local fact's, where a server of another major reads it otherwise
    waived       boolean NOT NULL DEFAULT false, -- a skipped version left the local fact behind
    PRIMARY KEY (source, id)
);

CREATE TABLE accord.applied (
    source       uuid NOT NULL,
    version      bigint NOT NULL,
    id           bytea NOT NULL,
    parent       bytea,
    fingerprint  bytea NOT NULL,
    applied_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    baseline     boolean NOT NULL,
    skipped      text,
    event_ids    uuid[] NOT NULL,
    events       json,
    snapshot     json,                       -- the affected facts as they were before
    verdict      json,
    PRIMARY KEY (source, version)
);

-- Their events, as a stream of rows asks for them. An index on the array itself (GIN) never frees an entry.
CREATE TABLE accord.applied_event (
    event        uuid NOT NULL,
    source       uuid NOT NULL,
    PRIMARY KEY (event, source)
);

-- What was applied here and is no part of the source's history any more: it was restored, or failed over, without it.
CREATE TABLE accord.abandoned (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source       uuid NOT NULL,
    version      bigint NOT NULL,
    id           bytea NOT NULL,
    parent       bytea,
    fingerprint  bytea NOT NULL,
    applied_at   timestamptz NOT NULL,
    baseline     boolean NOT NULL,
    skipped      text,
    events       json,
    snapshot     json,
    verdict      json,
    abandoned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    rewind       uuid NOT NULL,              -- in accord.mended: what led back
    rewound_to   bigint NOT NULL
);
CREATE INDEX abandoned_source ON accord.abandoned (source, version);

-- Mendings that were carried out here: mirrored facts that somebody had changed, brought back.
CREATE TABLE accord.mended (
    id           uuid PRIMARY KEY,
    source       uuid NOT NULL,
    version      bigint NOT NULL,            -- where the source's history stood
    fingerprint  bytea NOT NULL,
    mended_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    events       json NOT NULL,
    snapshot     json NOT NULL,              -- the facts as they were before
    verdict      json
);

-- Sub-steps that run outside a transaction: what has begun and not been recorded as done.
CREATE TABLE accord.step (
    source       uuid NOT NULL,
    version      bigint NOT NULL,
    step         int NOT NULL,
    sql          text NOT NULL,
    compensation text,
    planned      json NOT NULL,             -- the step, whole
    estimate     json,                      -- of the version, when the step began
    begun_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    state        text NOT NULL,             -- running, done, failed, compensating
    error        text,
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, version, step)
);

-- On a replica: what a version would have destroyed, set aside in schema accord_kept for its reverse.
CREATE TABLE accord.set_aside (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source       uuid NOT NULL,
    version      bigint NOT NULL,
    mending      uuid,                      -- by which it went, where it was none of the version's
    fact         text COLLATE "C" NOT NULL, -- the table or the column that it was in
    what         text NOT NULL,
    place        name COLLATE "C" NOT NULL, -- its table
    definition   text COLLATE "C" NOT NULL, -- by which the reverse is known
    kept         json NOT NULL,             -- how it comes back
    rows         bigint NOT NULL,
    counted      boolean NOT NULL,
    bytes        bigint NOT NULL,
    kept_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    kept_until   timestamptz,               -- null: for ever
    state        text NOT NULL DEFAULT 'kept', -- restored, purged, forgotten
    ended_at     timestamptz,
    ended_by     bigint                     -- the version that brought it back
);
CREATE INDEX set_aside_fact ON accord.set_aside (fact);
CREATE SCHEMA accord_kept;

-- How estimates learn: actual over estimated, by what was done.
CREATE TABLE accord.coefficient (
    operation    text PRIMARY KEY,          -- catalog, rewrite, scan, index
    duration     float8 NOT NULL DEFAULT 1,
    bytes        float8 NOT NULL DEFAULT 1,
    samples      bigint NOT NULL DEFAULT 0
);

-- When a transaction committed, where the server keeps that.
CREATE FUNCTION accord.commit_time(xid8) RETURNS timestamptz LANGUAGE plpgsql STABLE SET search_path TO pg_catalog, pg_temp AS
$$ BEGIN
    RETURN CASE WHEN current_setting('track_commit_timestamp')::boolean THEN pg_xact_commit_timestamp($1::xid) END;
END $$;

-- Fleet: the databases that this one watches, and what they are held to.

CREATE TABLE accord.fleet_member (
    name          text PRIMARY KEY CHECK (name <> '' AND octet_length(name) <= 200),
    id            bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    conninfo      text,                      -- null: it sends its model
    labels        jsonb NOT NULL DEFAULT '{}',
    added_at      timestamptz NOT NULL DEFAULT now(),
    source        bigint,                    -- the discovery that found it
    submitted     json,                      -- the model that it sent
    asked         bigint NOT NULL DEFAULT 1, -- grows when a comparison is wanted
    answered      bigint NOT NULL DEFAULT 0, -- what was asked when the last comparison began
    full_read     boolean NOT NULL DEFAULT true, -- the next one reads the catalogs, whatever the fingerprint says
    next_at       timestamptz,               -- of the next comparison that nobody asks for
    compared_at   timestamptz,
    read_at       timestamptz,               -- when its catalogs were last read
    duration_ms   float8,
    failures      int NOT NULL DEFAULT 0,    -- consecutive
    reason        jsonb,                     -- why it could not be read: {code, message, detail, hint}
    down_since    timestamptz,
    back_at       timestamptz,               -- when it could be read again
    changed_at    timestamptz,               -- when a verdict last changed
    server        jsonb,                     -- {major, system, timeline, started, recovery, extension} as it was last seen
    mark          text                       -- of its catalogs when they were last read, if every verdict is of then
);
CREATE INDEX fleet_member_next ON accord.fleet_member (next_at);

-- Servers whose databases are members by a pattern.
CREATE TABLE accord.fleet_source (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conninfo      text NOT NULL,
    pattern       text NOT NULL,
    labels        jsonb NOT NULL,
    prefix        text NOT NULL,
    asked         bigint NOT NULL DEFAULT 1,
    answered      bigint NOT NULL DEFAULT 0,
    next_at       timestamptz,
    reason        jsonb
);

-- One row: grows with every change of what members are held to.
CREATE TABLE accord.fleet_generation (
    generation    bigint NOT NULL,
    judged        text                       -- a checksum of members that no baseline selects and their models, when they were last compared
);
INSERT INTO accord.fleet_generation VALUES (1);

-- The order of versions is that in which they were asked for.
CREATE SEQUENCE accord.fleet_ordinal;

-- Baselines that are to be taken from a member, which the watch has to read first.
CREATE TABLE accord.fleet_wish (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member        bigint NOT NULL REFERENCES accord.fleet_member (id) ON DELETE CASCADE,
    name          text NOT NULL,
    version       text NOT NULL,
    rules         json NOT NULL,
    selection     text NOT NULL,
    permitted     boolean NOT NULL,
    requested_by  text NOT NULL,
    ordinal       bigint NOT NULL DEFAULT nextval('accord.fleet_ordinal'),
    client        boolean NOT NULL DEFAULT false, -- no administrator asked for it
    UNIQUE (name, version, member)
);

CREATE TABLE accord.fleet_baseline (
    name          text NOT NULL CHECK (name <> ''),
    version       text NOT NULL CHECK (version <> ''),
    ordinal       bigint NOT NULL,           -- the order of versions; all majors of one share it
    rules         json NOT NULL,             -- everything but the facts
    facts         bytea NOT NULL,            -- 32 bytes each: accord.fleet_fact
    major         int,                       -- whose server worded it
    selection     text NOT NULL,
    permitted     boolean NOT NULL,          -- also when a later version is there
    fingerprint   bytea NOT NULL,
    from_database text,                      -- whose model it is
    registered_by text NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX fleet_baseline_edition ON accord.fleet_baseline (name, version, coalesce(major, 0));

-- The facts of all baselines, each once.
CREATE TABLE accord.fleet_fact (
    content       bytea PRIMARY KEY,
    fact          text COLLATE "C" NOT NULL
);

-- Models of members that no baseline selects, each once.
CREATE TABLE accord.fleet_model (
    fingerprint   bytea PRIMARY KEY,
    ids           bytea NOT NULL,            -- 16 bytes of the hash of each fact's id
    contents      bytea NOT NULL             -- 32 bytes each, in the same order: accord.fleet_fact
);

-- Fingerprints that were met and are permitted, beside those of the versions themselves.
CREATE TABLE accord.fleet_known (
    baseline      text NOT NULL,
    names         text NOT NULL,             -- the mapping, and the variant that was asked for
    fingerprint   bytea NOT NULL,
    standing      text NOT NULL,
    version       text NOT NULL,
    variant       text,
    PRIMARY KEY (baseline, names, fingerprint)
);

CREATE TABLE accord.fleet_verdict (
    member        bigint NOT NULL REFERENCES accord.fleet_member (id) ON DELETE CASCADE,
    baseline      text NOT NULL,
    standing      text NOT NULL,
    version       text,
    variant       text,
    fingerprint   bytea,
    unmodelled    text[] NOT NULL DEFAULT '{}',
    at            timestamptz NOT NULL,
    since         timestamptz NOT NULL,      -- when it came to stand so
    PRIMARY KEY (member, baseline)
);
CREATE INDEX fleet_verdict_baseline ON accord.fleet_verdict (baseline, standing);

CREATE TABLE accord.fleet_difference (
    hash          bytea PRIMARY KEY,
    baseline      text NOT NULL,
    difference    text NOT NULL,             -- missing, unexpected, different
    fact          text NOT NULL,
    words         text NOT NULL,
    properties    text[] NOT NULL,
    expected      jsonb,
    actual        jsonb,
    deviation     json NOT NULL              -- whole, for plans
);

CREATE TABLE accord.fleet_deviation (
    member        bigint NOT NULL,
    baseline      text NOT NULL,
    hash          bytea NOT NULL,
    since         timestamptz NOT NULL,
    author        jsonb,                     -- {event, at, session_user, role, application, statement}, where pg_accord is there
    PRIMARY KEY (member, baseline, hash),
    FOREIGN KEY (member, baseline) REFERENCES accord.fleet_verdict ON DELETE CASCADE
);
CREATE INDEX fleet_deviation_hash ON accord.fleet_deviation (hash);

CREATE TABLE accord.fleet_alarm (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash          bytea NOT NULL UNIQUE,     -- of the difference; of the cause, for databases that cannot be read
    about         text NOT NULL,             -- difference, unreadable, behind
    baseline      text,
    code          text,                      -- unreadable: of the cause
    words         text NOT NULL,
    severity      text NOT NULL,
    state         text NOT NULL,
    changed       float8 NOT NULL,           -- seconds since 1970
    flaps         int NOT NULL,
    databases     bigint NOT NULL,
    suppressed    bigint NOT NULL,
    first_seen    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen     timestamptz NOT NULL DEFAULT clock_timestamp(),
    acknowledged_by text,
    acknowledged_at timestamptz,
    reason        text
);

CREATE TABLE accord.fleet_suppression (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner         text NOT NULL,
    reason        text NOT NULL CHECK (reason <> ''),
    at            timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    selection     text NOT NULL,
    kind          text,
    difference    text,
    object        text,
    property      text,
    hash          text
);

-- Whom alarms are reported to.
CREATE TABLE accord.fleet_channel (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE,
    target        text NOT NULL,             -- https://…, smtp://…, function …
    options       jsonb NOT NULL,
    registered_by oid NOT NULL,              -- functions run with its rights
    registered_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE accord.fleet_message (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel       bigint NOT NULL REFERENCES accord.fleet_channel (id) ON DELETE CASCADE,
    hash          bytea NOT NULL,            -- of the alarm
    state         text NOT NULL,             -- the alarm's
    message       jsonb NOT NULL,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivery      text NOT NULL DEFAULT 'waiting', -- waiting, sent, given up
    attempts      int NOT NULL DEFAULT 0,
    next_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at       timestamptz,
    reason        text
);
CREATE INDEX fleet_message_waiting ON accord.fleet_message (channel, id) WHERE delivery = 'waiting';
CREATE INDEX fleet_message_alarm ON accord.fleet_message (hash, channel);

-- Rules of severity, in the order of their positions: the first that applies counts.
CREATE TABLE accord.fleet_severity (
    position      int PRIMARY KEY,
    severity      text NOT NULL,
    selection     text NOT NULL DEFAULT '',
    kind          text,
    difference    text,
    object        text,
    property      text
);

-- Roles that are no administrators, and what each may do with which members.
CREATE TABLE accord.fleet_grant (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role          oid NOT NULL,
    selection     text NOT NULL,
    operations    text[] NOT NULL,
    scope         jsonb NOT NULL,
    granted_by    text NOT NULL,
    granted_at    timestamptz NOT NULL DEFAULT now()
);

-- Who asked for what.
CREATE TABLE accord.fleet_act (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    who           text NOT NULL,
    act           text NOT NULL,
    detail        jsonb NOT NULL
);

-- What happened to members: restarted, restored, promoted, back, reported.
CREATE TABLE accord.fleet_event (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member        bigint NOT NULL REFERENCES accord.fleet_member (id) ON DELETE CASCADE,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    event         text NOT NULL,
    detail        jsonb
);
CREATE INDEX fleet_event_member ON accord.fleet_event (member, id);

-- Members that are led to a baseline.
CREATE TABLE accord.fleet_conform (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    baseline      text NOT NULL,
    version       text NOT NULL,
    selection     text NOT NULL,
    options       jsonb NOT NULL,
    requested_by  text NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    state         text NOT NULL DEFAULT 'running', -- running, done, stopped, planned
    reason        text,
    finished_at   timestamptz,
    copy          json                       -- of grants of another member, instead of a baseline: {member, from, what, scopes, dry}
);

CREATE TABLE accord.fleet_conform_member (
    conform       bigint NOT NULL REFERENCES accord.fleet_conform ON DELETE CASCADE,
    member        bigint NOT NULL REFERENCES accord.fleet_member (id) ON DELETE CASCADE,
    wave          int NOT NULL,              -- 1: one database, 2: a tenth, 3: the rest
    state         text NOT NULL DEFAULT 'waiting', -- waiting, running, done, failed
    steps         json,
    reason        jsonb,
    fingerprint   bytea,
    begun_at      timestamptz,
    finished_at   timestamptz,
    scopes        json,                      -- in which it may be led there; none: by whatever leads there
    PRIMARY KEY (conform, member)
);
