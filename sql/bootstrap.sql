-- Tables of the ledger. Written only by the extension's own functions; read through the views.

CREATE TABLE accord.ledger (
    id          uuid PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    reader      int NOT NULL,
    major       int NOT NULL
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
    via         oid,                        -- on a replica, the subscription that brought it
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

-- Replicas brought back to what is mirrored there, by a person's word.
CREATE TABLE accord.mending (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    replica      text NOT NULL REFERENCES accord.replica ON DELETE CASCADE,
    version      bigint NOT NULL,
    drop_own     boolean NOT NULL,
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
    since        timestamptz NOT NULL DEFAULT now()
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
    events       json,
    snapshot     json,                       -- the affected facts as they were before
    verdict      json,
    PRIMARY KEY (source, version)
);

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
