CREATE TABLE IF NOT EXISTS match_decisions (
    video_id text COLLATE "C" NOT NULL,
    reference_video_id text COLLATE "C" NOT NULL,
    operator_id text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (video_id, reference_video_id)
);
COMMENT ON TABLE match_decisions IS 'Where an operator says that a video is no duplicate of another, whatever their pictures say.';
COMMENT ON COLUMN match_decisions.video_id IS 'The video; UUIDv5 of uploader and content where `ingest` made it.';
COMMENT ON COLUMN match_decisions.reference_video_id IS 'The earlier video.';
COMMENT ON COLUMN match_decisions.operator_id IS 'Who decided it.';
COMMENT ON COLUMN match_decisions.reason IS 'Why, as the operator says.';
COMMENT ON COLUMN match_decisions.created IS 'When it was decided, UTC.';
CREATE OR REPLACE FUNCTION record_match_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'match_decisions', b.video_id || '/' || b.reference_video_id, 'deleted', json_build_object('video_id', b.video_id, 'reference_video_id', b.reference_video_id)::text
        FROM before b ORDER BY b.video_id, b.reference_video_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'match_decisions', a.video_id || '/' || a.reference_video_id, 'upserted', json_build_object('video_id', a.video_id, 'reference_video_id', a.reference_video_id, 'operator_id', a.operator_id, 'reason', a.reason, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.video_id, a.reference_video_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'match_decisions', a.video_id || '/' || a.reference_video_id, 'upserted', json_build_object('video_id', a.video_id, 'reference_video_id', a.reference_video_id, 'operator_id', a.operator_id, 'reason', a.reason, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.video_id = b.video_id AND a.reference_video_id = b.reference_video_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.video_id, a.reference_video_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON match_decisions REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_match_decisions();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON match_decisions REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_match_decisions();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON match_decisions REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_match_decisions();

COMMENT ON COLUMN audit_log.object_id IS 'What it was done to, a video or a post.';
