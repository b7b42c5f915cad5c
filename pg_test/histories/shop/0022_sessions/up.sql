CREATE UNLOGGED TABLE shop.session (
    token   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person  bigint REFERENCES shop.person ON DELETE SET NULL,
    data    jsonb NOT NULL DEFAULT '{}',
    expires timestamptz NOT NULL DEFAULT now() + interval '30 minutes'
);
CREATE INDEX session_cart ON shop.session USING gin ((data -> 'cart') jsonb_path_ops);
CREATE INDEX session_expires ON shop.session USING brin (expires) WITH (pages_per_range = 32);
