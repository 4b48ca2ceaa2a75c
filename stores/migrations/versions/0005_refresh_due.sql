ALTER TABLE consumers ADD COLUMN IF NOT EXISTS refresh_due timestamptz;

COMMENT ON COLUMN consumers.refresh_due IS 'Of the lake sink: since when events in the lake wait for a refresh; null: none';

-- What an earlier release kept in a file is unknown here: one refresh more finds nothing to do.
UPDATE consumers SET refresh_due = now() WHERE consumer = 'lake-sink';
