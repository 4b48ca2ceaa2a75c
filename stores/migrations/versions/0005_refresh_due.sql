ALTER TABLE consumers ADD COLUMN IF NOT EXISTS refresh_due timestamptz;

COMMENT ON COLUMN consumers.refresh_due IS 'Lake sink only: time since which events in the lake wait for a refresh; null: none wait.';

-- An earlier release kept this in a file of HOME: an additional refresh finds nothing to do.
UPDATE consumers SET refresh_due = now() WHERE consumer = 'lake-sink';
