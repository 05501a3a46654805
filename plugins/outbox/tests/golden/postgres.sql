CREATE TABLE passpost_outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ticket text NOT NULL UNIQUE,
  state text NOT NULL,
  usage text NOT NULL,
  priority integer NOT NULL,
  deadline bigint NOT NULL,
  publish_at bigint NOT NULL,
  lease_until bigint,
  finished_at bigint,
  recipient text NOT NULL,
  idem text UNIQUE,
  record text NOT NULL,
  body bytea
) WITH (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.05
);
CREATE INDEX passpost_outbox_next ON passpost_outbox (priority, seq, deadline) WHERE state = 'queued';
CREATE INDEX passpost_outbox_overdue ON passpost_outbox (deadline) WHERE state = 'queued';
CREATE INDEX passpost_outbox_stale ON passpost_outbox (publish_at) WHERE state = 'queued';
CREATE INDEX passpost_outbox_to ON passpost_outbox (recipient, usage, seq) WHERE state = 'queued';
CREATE INDEX passpost_outbox_dead ON passpost_outbox (lease_until) WHERE state = 'sending';
CREATE INDEX passpost_outbox_ended ON passpost_outbox (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX passpost_outbox_state ON passpost_outbox (state, seq);
CREATE TABLE passpost_outbox_meta (
  one integer PRIMARY KEY CHECK (one = 1),
  version integer NOT NULL,
  leader text NOT NULL DEFAULT '',
  until bigint NOT NULL DEFAULT 0
);
INSERT INTO passpost_outbox_meta (one, version) VALUES (1, 1);
