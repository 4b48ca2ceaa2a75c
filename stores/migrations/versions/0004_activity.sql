-- From the declarations in schemas/tables (`schemas.derive.sql.definition`).
CREATE TABLE IF NOT EXISTS activity (
    user_id text COLLATE "C" NOT NULL,
    day date NOT NULL,
    surface text COLLATE "C" NOT NULL CHECK (surface IN ('watch', 'upload', 'search', 'feed', 'people', 'chat', 'notifications', 'account', 'other')),
    created timestamptz NOT NULL,
    PRIMARY KEY (user_id, day, surface)
);
CREATE INDEX IF NOT EXISTS activity_by_day ON activity (day);
COMMENT ON TABLE activity IS 'Who was active where on which day: made an authenticated request, or sent a chat frame.';
COMMENT ON COLUMN activity.user_id IS 'Who was active.';
COMMENT ON COLUMN activity.day IS 'On which day, UTC.';
COMMENT ON COLUMN activity.surface IS 'Where in the product.';
COMMENT ON COLUMN activity.created IS 'When they were first seen there on that day, UTC.';
CREATE OR REPLACE FUNCTION record_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'activity', b.user_id || '/' || b.day || '/' || b.surface, 'deleted', json_build_object('user_id', b.user_id, 'day', b.day, 'surface', b.surface)::text
        FROM before b ORDER BY b.user_id, b.day, b.surface;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'activity', a.user_id || '/' || a.day || '/' || a.surface, 'upserted', json_build_object('user_id', a.user_id, 'day', a.day, 'surface', a.surface, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.user_id, a.day, a.surface;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'activity', a.user_id || '/' || a.day || '/' || a.surface, 'upserted', json_build_object('user_id', a.user_id, 'day', a.day, 'surface', a.surface, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.user_id = b.user_id AND a.day = b.day AND a.surface = b.surface WHERE a.* IS DISTINCT FROM b.* ORDER BY a.user_id, a.day, a.surface;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON activity REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_activity();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON activity REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_activity();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON activity REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_activity();
-- Events say no user names any more.
CREATE OR REPLACE FUNCTION record_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'users', b.user_id, 'deleted', json_build_object('user_id', b.user_id)::text
        FROM before b ORDER BY b.user_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'users', a.user_id, 'upserted', json_build_object('user_id', a.user_id, 'last_login', to_char(a.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.user_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'users', a.user_id, 'upserted', json_build_object('user_id', a.user_id, 'last_login', to_char(a.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.user_id = b.user_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.user_id;
    END IF;
    RETURN NULL;
END $$;
