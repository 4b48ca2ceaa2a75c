-- From the declarations in schemas/tables, as they were when the live API came (`schemas.derive.sql.definition`).
CREATE TABLE IF NOT EXISTS users (
    user_id text COLLATE "C" NOT NULL,
    user_name text COLLATE "C" NOT NULL UNIQUE,
    name text COLLATE "C",
    email text COLLATE "C",
    date_of_birth date,
    reg_id text COLLATE "C",
    last_login timestamptz,
    created timestamptz NOT NULL,
    PRIMARY KEY (user_id)
);
COMMENT ON TABLE users IS 'Everyone who has an account.';
COMMENT ON COLUMN users.user_id IS 'The account, minted at the edge.';
COMMENT ON COLUMN users.user_name IS 'What others call them.';
COMMENT ON COLUMN users.name IS 'Full name.';
COMMENT ON COLUMN users.email IS 'Address for letters.';
COMMENT ON COLUMN users.date_of_birth IS 'Age is computed from it when read.';
COMMENT ON COLUMN users.reg_id IS 'Device registration for push.';
COMMENT ON COLUMN users.last_login IS 'When they last opened a session, UTC.';
COMMENT ON COLUMN users.created IS 'When the account was made, UTC.';
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
        SELECT 'users', a.user_id, 'upserted', json_build_object('user_id', a.user_id, 'user_name', a.user_name, 'last_login', to_char(a.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.user_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'users', a.user_id, 'upserted', json_build_object('user_id', a.user_id, 'user_name', a.user_name, 'last_login', to_char(a.last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.user_id = b.user_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.user_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON users REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_users();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON users REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_users();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON users REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_users();
CREATE TABLE IF NOT EXISTS friendships (
    user_id_1 text COLLATE "C" NOT NULL,
    user_id_2 text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (user_id_1, user_id_2),
    CHECK (user_id_1 < user_id_2)
);
CREATE INDEX IF NOT EXISTS friendships_by_user_id_2_user_id_1 ON friendships (user_id_2, user_id_1);
COMMENT ON TABLE friendships IS 'Who are friends: asked by one, accepted by the other.';
COMMENT ON COLUMN friendships.user_id_1 IS 'The friend whose id is lower, by code point.';
COMMENT ON COLUMN friendships.user_id_2 IS 'The friend whose id is higher.';
COMMENT ON COLUMN friendships.created IS 'When the second of them agreed, UTC.';
CREATE OR REPLACE FUNCTION record_friendships() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'friendships', b.user_id_1 || '/' || b.user_id_2, 'deleted', json_build_object('user_id_1', b.user_id_1, 'user_id_2', b.user_id_2)::text
        FROM before b ORDER BY b.user_id_1, b.user_id_2;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'friendships', a.user_id_1 || '/' || a.user_id_2, 'upserted', json_build_object('user_id_1', a.user_id_1, 'user_id_2', a.user_id_2, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.user_id_1, a.user_id_2;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'friendships', a.user_id_1 || '/' || a.user_id_2, 'upserted', json_build_object('user_id_1', a.user_id_1, 'user_id_2', a.user_id_2, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.user_id_1 = b.user_id_1 AND a.user_id_2 = b.user_id_2 WHERE a.* IS DISTINCT FROM b.* ORDER BY a.user_id_1, a.user_id_2;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON friendships REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_friendships();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON friendships REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_friendships();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON friendships REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_friendships();
CREATE TABLE IF NOT EXISTS follows (
    follower_id text COLLATE "C" NOT NULL,
    followee_id text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (follower_id, followee_id)
);
CREATE INDEX IF NOT EXISTS follows_by_followee_id_follower_id ON follows (followee_id, follower_id);
COMMENT ON TABLE follows IS 'Whose posts somebody wants to read without being a friend.';
COMMENT ON COLUMN follows.follower_id IS 'Who follows.';
COMMENT ON COLUMN follows.followee_id IS 'Who is followed.';
COMMENT ON COLUMN follows.created IS 'Since when, UTC.';
CREATE OR REPLACE FUNCTION record_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'follows', b.follower_id || '/' || b.followee_id, 'deleted', json_build_object('follower_id', b.follower_id, 'followee_id', b.followee_id)::text
        FROM before b ORDER BY b.follower_id, b.followee_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'follows', a.follower_id || '/' || a.followee_id, 'upserted', json_build_object('follower_id', a.follower_id, 'followee_id', a.followee_id, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.follower_id, a.followee_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'follows', a.follower_id || '/' || a.followee_id, 'upserted', json_build_object('follower_id', a.follower_id, 'followee_id', a.followee_id, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.follower_id = b.follower_id AND a.followee_id = b.followee_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.follower_id, a.followee_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON follows REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_follows();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON follows REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_follows();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON follows REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_follows();
CREATE TABLE IF NOT EXISTS blocks (
    user_id text COLLATE "C" NOT NULL,
    blocked_id text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
);
CREATE INDEX IF NOT EXISTS blocks_by_blocked_id_user_id ON blocks (blocked_id, user_id);
COMMENT ON TABLE blocks IS 'Who does not want to see somebody, nor be seen by them.';
COMMENT ON COLUMN blocks.user_id IS 'Who blocks.';
COMMENT ON COLUMN blocks.blocked_id IS 'Who is blocked.';
COMMENT ON COLUMN blocks.created IS 'Since when, UTC.';
CREATE OR REPLACE FUNCTION record_blocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'blocks', b.user_id || '/' || b.blocked_id, 'deleted', json_build_object('user_id', b.user_id, 'blocked_id', b.blocked_id)::text
        FROM before b ORDER BY b.user_id, b.blocked_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'blocks', a.user_id || '/' || a.blocked_id, 'upserted', json_build_object('user_id', a.user_id, 'blocked_id', a.blocked_id, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.user_id, a.blocked_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'blocks', a.user_id || '/' || a.blocked_id, 'upserted', json_build_object('user_id', a.user_id, 'blocked_id', a.blocked_id, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.user_id = b.user_id AND a.blocked_id = b.blocked_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.user_id, a.blocked_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON blocks REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_blocks();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON blocks REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_blocks();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON blocks REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_blocks();
CREATE TABLE IF NOT EXISTS posts (
    post_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    content text COLLATE "C" NOT NULL,
    creation_time timestamptz NOT NULL,
    PRIMARY KEY (post_id)
);
CREATE INDEX IF NOT EXISTS posts_by_user_id_creation_time ON posts (user_id, creation_time);
COMMENT ON TABLE posts IS 'What people write for those who read them.';
COMMENT ON COLUMN posts.post_id IS 'The post, minted at the edge.';
COMMENT ON COLUMN posts.user_id IS 'Who wrote it.';
COMMENT ON COLUMN posts.content IS 'What it says.';
COMMENT ON COLUMN posts.creation_time IS 'When it was written, UTC.';
CREATE OR REPLACE FUNCTION record_posts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'posts', b.post_id, 'deleted', json_build_object('post_id', b.post_id)::text
        FROM before b ORDER BY b.post_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'posts', a.post_id, 'upserted', json_build_object('post_id', a.post_id, 'user_id', a.user_id, 'content', a.content, 'creation_time', to_char(a.creation_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.post_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'posts', a.post_id, 'upserted', json_build_object('post_id', a.post_id, 'user_id', a.user_id, 'content', a.content, 'creation_time', to_char(a.creation_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.post_id = b.post_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.post_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON posts REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_posts();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON posts REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_posts();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON posts REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_posts();
CREATE TABLE IF NOT EXISTS uploads (
    upload_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    file_name text COLLATE "C",
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    state text COLLATE "C" NOT NULL CHECK (state IN ('open', 'finished', 'terminated', 'expired')),
    sha256 text COLLATE "C",
    video_id text COLLATE "C",
    expires timestamptz NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (upload_id)
);
CREATE INDEX IF NOT EXISTS uploads_by_user_id ON uploads (user_id);
CREATE INDEX IF NOT EXISTS uploads_by_state_expires ON uploads (state, expires);
COMMENT ON TABLE uploads IS 'Files that people bring in pieces, resumable (tus 1.0.0).';
COMMENT ON COLUMN uploads.upload_id IS 'The upload, minted at the edge.';
COMMENT ON COLUMN uploads.user_id IS 'Who brings it.';
COMMENT ON COLUMN uploads.title IS 'What its video will be called.';
COMMENT ON COLUMN uploads.description IS 'What its video will be about.';
COMMENT ON COLUMN uploads.file_name IS 'What its owner calls the file; no path of ours.';
COMMENT ON COLUMN uploads.size_bytes IS 'How long it is in all.';
COMMENT ON COLUMN uploads.state IS 'Whether all of it is there.';
COMMENT ON COLUMN uploads.sha256 IS 'SHA-256 of the whole file once it is there.';
COMMENT ON COLUMN uploads.video_id IS 'The video that it has become.';
COMMENT ON COLUMN uploads.expires IS 'When what is there goes, unless more comes, UTC.';
COMMENT ON COLUMN uploads.created IS 'When it was announced, UTC.';
CREATE OR REPLACE FUNCTION record_uploads() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'uploads', b.upload_id, 'deleted', json_build_object('upload_id', b.upload_id)::text
        FROM before b ORDER BY b.upload_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'uploads', a.upload_id, 'upserted', json_build_object('upload_id', a.upload_id, 'user_id', a.user_id, 'title', a.title, 'description', a.description, 'file_name', a.file_name, 'size_bytes', a.size_bytes, 'state', a.state, 'sha256', a.sha256, 'video_id', a.video_id, 'expires', to_char(a.expires AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.upload_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'uploads', a.upload_id, 'upserted', json_build_object('upload_id', a.upload_id, 'user_id', a.user_id, 'title', a.title, 'description', a.description, 'file_name', a.file_name, 'size_bytes', a.size_bytes, 'state', a.state, 'sha256', a.sha256, 'video_id', a.video_id, 'expires', to_char(a.expires AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.upload_id = b.upload_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.upload_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON uploads REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_uploads();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON uploads REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_uploads();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON uploads REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_uploads();
CREATE TABLE IF NOT EXISTS upload_chunks (
    upload_id text COLLATE "C" NOT NULL,
    chunk_index bigint NOT NULL CHECK (chunk_index >= 0),
    byte_start bigint NOT NULL CHECK (byte_start >= 0),
    byte_end bigint NOT NULL CHECK (byte_end >= 1),
    sha256 text COLLATE "C" NOT NULL,
    PRIMARY KEY (upload_id, chunk_index)
);
COMMENT ON TABLE upload_chunks IS 'A digest for each MiB of an upload, taken as its bytes arrived.';
COMMENT ON COLUMN upload_chunks.upload_id IS 'The upload.';
COMMENT ON COLUMN upload_chunks.chunk_index IS 'Place in the file, from 0.';
COMMENT ON COLUMN upload_chunks.byte_start IS 'First byte, from 0.';
COMMENT ON COLUMN upload_chunks.byte_end IS 'First byte after it.';
COMMENT ON COLUMN upload_chunks.sha256 IS 'SHA-256 of these bytes, 64 hex digits.';
CREATE OR REPLACE FUNCTION record_upload_chunks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'upload_chunks', b.upload_id || '/' || b.chunk_index, 'deleted', json_build_object('upload_id', b.upload_id, 'chunk_index', b.chunk_index)::text
        FROM before b ORDER BY b.upload_id, b.chunk_index;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'upload_chunks', a.upload_id || '/' || a.chunk_index, 'upserted', json_build_object('upload_id', a.upload_id, 'chunk_index', a.chunk_index, 'byte_start', a.byte_start, 'byte_end', a.byte_end, 'sha256', a.sha256)::text
        FROM after a ORDER BY a.upload_id, a.chunk_index;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'upload_chunks', a.upload_id || '/' || a.chunk_index, 'upserted', json_build_object('upload_id', a.upload_id, 'chunk_index', a.chunk_index, 'byte_start', a.byte_start, 'byte_end', a.byte_end, 'sha256', a.sha256)::text
        FROM after a JOIN before b ON a.upload_id = b.upload_id AND a.chunk_index = b.chunk_index WHERE a.* IS DISTINCT FROM b.* ORDER BY a.upload_id, a.chunk_index;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON upload_chunks REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_upload_chunks();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON upload_chunks REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_upload_chunks();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON upload_chunks REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_upload_chunks();
CREATE TABLE IF NOT EXISTS views (
    video_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    watched_s double precision NOT NULL CHECK (watched_s >= 0),
    created timestamptz NOT NULL,
    PRIMARY KEY (video_id, user_id, session_id)
) PARTITION BY HASH (video_id);
CREATE TABLE IF NOT EXISTS views_00 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 0);
CREATE TABLE IF NOT EXISTS views_01 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 1);
CREATE TABLE IF NOT EXISTS views_02 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 2);
CREATE TABLE IF NOT EXISTS views_03 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 3);
CREATE TABLE IF NOT EXISTS views_04 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 4);
CREATE TABLE IF NOT EXISTS views_05 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 5);
CREATE TABLE IF NOT EXISTS views_06 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 6);
CREATE TABLE IF NOT EXISTS views_07 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 7);
CREATE TABLE IF NOT EXISTS views_08 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 8);
CREATE TABLE IF NOT EXISTS views_09 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 9);
CREATE TABLE IF NOT EXISTS views_10 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 10);
CREATE TABLE IF NOT EXISTS views_11 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 11);
CREATE TABLE IF NOT EXISTS views_12 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 12);
CREATE TABLE IF NOT EXISTS views_13 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 13);
CREATE TABLE IF NOT EXISTS views_14 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 14);
CREATE TABLE IF NOT EXISTS views_15 PARTITION OF views FOR VALUES WITH (MODULUS 16, REMAINDER 15);
CREATE INDEX IF NOT EXISTS views_by_user_id ON views (user_id);
COMMENT ON TABLE views IS 'Real playback, which the client asserts.';
COMMENT ON COLUMN views.video_id IS 'The video; UUIDv5 of uploader and content where `ingest` made it.';
COMMENT ON COLUMN views.user_id IS 'Who did it.';
COMMENT ON COLUMN views.session_id IS 'The client''s session, as it names it.';
COMMENT ON COLUMN views.watched_s IS 'The longest time watched that was told.';
COMMENT ON COLUMN views.created IS 'When it was told first, UTC.';
CREATE OR REPLACE FUNCTION record_views() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'views', b.video_id || '/' || b.user_id || '/' || b.session_id, 'deleted', json_build_object('video_id', b.video_id, 'user_id', b.user_id, 'session_id', b.session_id)::text
        FROM before b ORDER BY b.video_id, b.user_id, b.session_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'views', a.video_id || '/' || a.user_id || '/' || a.session_id, 'upserted', json_build_object('video_id', a.video_id, 'user_id', a.user_id, 'session_id', a.session_id, 'watched_s', a.watched_s, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.video_id, a.user_id, a.session_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'views', a.video_id || '/' || a.user_id || '/' || a.session_id, 'upserted', json_build_object('video_id', a.video_id, 'user_id', a.user_id, 'session_id', a.session_id, 'watched_s', a.watched_s, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.video_id = b.video_id AND a.user_id = b.user_id AND a.session_id = b.session_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.video_id, a.user_id, a.session_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON views REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_views();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON views REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_views();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON views REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_views();
CREATE TABLE IF NOT EXISTS reactions (
    video_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('like', 'dislike')),
    created timestamptz NOT NULL,
    PRIMARY KEY (video_id, user_id)
);
CREATE INDEX IF NOT EXISTS reactions_by_user_id ON reactions (user_id);
COMMENT ON TABLE reactions IS 'Likes and dislikes, one for each user and video.';
COMMENT ON COLUMN reactions.video_id IS 'The video; UUIDv5 of uploader and content where `ingest` made it.';
COMMENT ON COLUMN reactions.user_id IS 'Who did it.';
COMMENT ON COLUMN reactions.kind IS 'What they think of it.';
COMMENT ON COLUMN reactions.created IS 'Since when, UTC.';
CREATE OR REPLACE FUNCTION record_reactions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'reactions', b.video_id || '/' || b.user_id, 'deleted', json_build_object('video_id', b.video_id, 'user_id', b.user_id)::text
        FROM before b ORDER BY b.video_id, b.user_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'reactions', a.video_id || '/' || a.user_id, 'upserted', json_build_object('video_id', a.video_id, 'user_id', a.user_id, 'kind', a.kind, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.video_id, a.user_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'reactions', a.video_id || '/' || a.user_id, 'upserted', json_build_object('video_id', a.video_id, 'user_id', a.user_id, 'kind', a.kind, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.video_id = b.video_id AND a.user_id = b.user_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.video_id, a.user_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON reactions REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_reactions();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON reactions REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_reactions();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON reactions REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_reactions();
CREATE TABLE IF NOT EXISTS comments (
    comment_id text COLLATE "C" NOT NULL,
    video_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    text text COLLATE "C" NOT NULL,
    creation_time timestamptz NOT NULL,
    PRIMARY KEY (comment_id)
);
CREATE INDEX IF NOT EXISTS comments_by_video_id_creation_time_comment_id ON comments (video_id, creation_time, comment_id);
CREATE INDEX IF NOT EXISTS comments_by_user_id ON comments (user_id);
COMMENT ON TABLE comments IS 'What people say about videos.';
COMMENT ON COLUMN comments.comment_id IS 'The comment, minted at the edge.';
COMMENT ON COLUMN comments.video_id IS 'The video; UUIDv5 of uploader and content where `ingest` made it.';
COMMENT ON COLUMN comments.user_id IS 'Who did it.';
COMMENT ON COLUMN comments.text IS 'What it says.';
COMMENT ON COLUMN comments.creation_time IS 'When it was written, UTC.';
CREATE OR REPLACE FUNCTION record_comments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'comments', b.comment_id, 'deleted', json_build_object('comment_id', b.comment_id)::text
        FROM before b ORDER BY b.comment_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'comments', a.comment_id, 'upserted', json_build_object('comment_id', a.comment_id, 'video_id', a.video_id, 'user_id', a.user_id, 'text', a.text, 'creation_time', to_char(a.creation_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.comment_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'comments', a.comment_id, 'upserted', json_build_object('comment_id', a.comment_id, 'video_id', a.video_id, 'user_id', a.user_id, 'text', a.text, 'creation_time', to_char(a.creation_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.comment_id = b.comment_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.comment_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON comments REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_comments();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON comments REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_comments();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON comments REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_comments();
CREATE TABLE IF NOT EXISTS shares (
    share_id text COLLATE "C" NOT NULL,
    video_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    expires timestamptz NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (share_id)
);
CREATE INDEX IF NOT EXISTS shares_by_video_id ON shares (video_id);
CREATE INDEX IF NOT EXISTS shares_by_user_id ON shares (user_id);
COMMENT ON TABLE shares IS 'Links by which anyone may watch a video for a while.';
COMMENT ON COLUMN shares.share_id IS 'The link, minted at the edge.';
COMMENT ON COLUMN shares.video_id IS 'The video; UUIDv5 of uploader and content where `ingest` made it.';
COMMENT ON COLUMN shares.user_id IS 'Who did it.';
COMMENT ON COLUMN shares.expires IS 'Until when it works, UTC.';
COMMENT ON COLUMN shares.created IS 'When it was made, UTC.';
CREATE OR REPLACE FUNCTION record_shares() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'shares', b.share_id, 'deleted', json_build_object('share_id', b.share_id)::text
        FROM before b ORDER BY b.share_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'shares', a.share_id, 'upserted', json_build_object('share_id', a.share_id, 'video_id', a.video_id, 'user_id', a.user_id, 'expires', to_char(a.expires AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.share_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'shares', a.share_id, 'upserted', json_build_object('share_id', a.share_id, 'video_id', a.video_id, 'user_id', a.user_id, 'expires', to_char(a.expires AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.share_id = b.share_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.share_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON shares REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_shares();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON shares REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_shares();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON shares REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_shares();
CREATE TABLE IF NOT EXISTS audit_log (
    audit_id text COLLATE "C" NOT NULL,
    operator_id text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL CHECK (action IN ('take_down', 'restore', 'overrule', 'retry')),
    object_id text COLLATE "C" NOT NULL,
    reason text COLLATE "C",
    request_id text COLLATE "C",
    created timestamptz NOT NULL,
    PRIMARY KEY (audit_id)
);
CREATE INDEX IF NOT EXISTS audit_log_by_object_id ON audit_log (object_id);
COMMENT ON TABLE audit_log IS 'Acts of operators; rows are only ever added.';
COMMENT ON COLUMN audit_log.audit_id IS 'The act, minted at the edge.';
COMMENT ON COLUMN audit_log.operator_id IS 'Who did it.';
COMMENT ON COLUMN audit_log.action IS 'What was done.';
COMMENT ON COLUMN audit_log.object_id IS 'What it was done to, a video.';
COMMENT ON COLUMN audit_log.reason IS 'Why, as the operator says.';
COMMENT ON COLUMN audit_log.request_id IS 'The request by which it was done.';
COMMENT ON COLUMN audit_log.created IS 'When it was done, UTC.';
CREATE OR REPLACE FUNCTION record_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'audit_log', b.audit_id, 'deleted', json_build_object('audit_id', b.audit_id)::text
        FROM before b ORDER BY b.audit_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'audit_log', a.audit_id, 'upserted', json_build_object('audit_id', a.audit_id, 'operator_id', a.operator_id, 'action', a.action, 'object_id', a.object_id, 'reason', a.reason, 'request_id', a.request_id, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.audit_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'audit_log', a.audit_id, 'upserted', json_build_object('audit_id', a.audit_id, 'operator_id', a.operator_id, 'action', a.action, 'object_id', a.object_id, 'reason', a.reason, 'request_id', a.request_id, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.audit_id = b.audit_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.audit_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON audit_log REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_audit_log();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON audit_log REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_audit_log();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON audit_log REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_audit_log();
CREATE TABLE IF NOT EXISTS videos (
    video_id text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    size_bytes bigint CHECK (size_bytes >= 0),
    thumbnail_url text COLLATE "C",
    uploader_id text COLLATE "C" NOT NULL,
    likes bigint NOT NULL DEFAULT 0 CHECK (likes >= 0),
    dislikes bigint NOT NULL DEFAULT 0 CHECK (dislikes >= 0),
    views bigint NOT NULL DEFAULT 0 CHECK (views >= 0),
    duration_s double precision CHECK (duration_s >= 0),
    status text COLLATE "C" NOT NULL CHECK (status IN ('uploading', 'inspecting', 'encoding', 'ready', 'rejected', 'duplicate', 'failed', 'removed')),
    reasons text[] NOT NULL DEFAULT '{}',
    duplicate_of text COLLATE "C",
    visibility text COLLATE "C" NOT NULL DEFAULT 'public' CHECK (visibility IN ('public', 'unlisted', 'private')),
    sha256 text COLLATE "C",
    package text COLLATE "C",
    created timestamptz NOT NULL,
    PRIMARY KEY (video_id)
);
CREATE INDEX IF NOT EXISTS videos_by_uploader_id ON videos (uploader_id);
CREATE INDEX IF NOT EXISTS videos_by_package ON videos (package);
CREATE INDEX IF NOT EXISTS videos_by_thumbnail_url ON videos (thumbnail_url);
COMMENT ON TABLE videos IS 'Every video that somebody brought, also the refused ones.';
COMMENT ON COLUMN videos.video_id IS 'The video; UUIDv5 of uploader and content where `ingest` made it.';
COMMENT ON COLUMN videos.title IS 'As its uploader wrote it.';
COMMENT ON COLUMN videos.description IS 'As its uploader wrote it.';
COMMENT ON COLUMN videos.size_bytes IS 'Size of the source file.';
COMMENT ON COLUMN videos.thumbnail_url IS 'Where its still picture is served.';
COMMENT ON COLUMN videos.uploader_id IS 'The account that brought it.';
COMMENT ON COLUMN videos.likes IS 'How many like it now.';
COMMENT ON COLUMN videos.dislikes IS 'How many dislike it now.';
COMMENT ON COLUMN videos.views IS 'How often it was really watched.';
COMMENT ON COLUMN videos.duration_s IS 'Length of what plays.';
COMMENT ON COLUMN videos.status IS 'Where it stands; ready, rejected, duplicate and removed are final.';
COMMENT ON COLUMN videos.reasons IS 'Why it is not ready, for a person to act on.';
COMMENT ON COLUMN videos.duplicate_of IS 'The video that it repeats as a whole.';
COMMENT ON COLUMN videos.visibility IS 'Who may see it.';
COMMENT ON COLUMN videos.sha256 IS 'SHA-256 of the source file, 64 hex digits; null where the row was imported and the file never came.';
COMMENT ON COLUMN videos.package IS 'Digest that names the published package''s folder.';
COMMENT ON COLUMN videos.created IS 'When it was first brought, UTC.';
CREATE OR REPLACE FUNCTION record_videos() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('newsreel.passing', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'videos', b.video_id, 'deleted', json_build_object('video_id', b.video_id)::text
        FROM before b ORDER BY b.video_id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'videos', a.video_id, 'upserted', json_build_object('video_id', a.video_id, 'title', a.title, 'description', a.description, 'size_bytes', a.size_bytes, 'thumbnail_url', a.thumbnail_url, 'uploader_id', a.uploader_id, 'likes', a.likes, 'dislikes', a.dislikes, 'views', a.views, 'duration_s', a.duration_s, 'status', a.status, 'reasons', a.reasons, 'duplicate_of', a.duplicate_of, 'visibility', a.visibility, 'sha256', a.sha256, 'package', a.package, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a ORDER BY a.video_id;
    ELSE
        INSERT INTO events (table_name, row_key, kind, row)
        SELECT 'videos', a.video_id, 'upserted', json_build_object('video_id', a.video_id, 'title', a.title, 'description', a.description, 'size_bytes', a.size_bytes, 'thumbnail_url', a.thumbnail_url, 'uploader_id', a.uploader_id, 'likes', a.likes, 'dislikes', a.dislikes, 'views', a.views, 'duration_s', a.duration_s, 'status', a.status, 'reasons', a.reasons, 'duplicate_of', a.duplicate_of, 'visibility', a.visibility, 'sha256', a.sha256, 'package', a.package, 'created', to_char(a.created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
        FROM after a JOIN before b ON a.video_id = b.video_id WHERE a.* IS DISTINCT FROM b.* ORDER BY a.video_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON videos REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_videos();
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON videos REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION record_videos();
CREATE OR REPLACE TRIGGER record_delete AFTER DELETE ON videos REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION record_videos();

-- By hand: the outbox in partitions, what only the API needs, and counters that many may change at once.

-- The outbox, a partition for each day (stores/outbox/partitions.py makes and drops them).
ALTER TABLE events RENAME TO events_whole;
ALTER TABLE events_whole RENAME CONSTRAINT events_pkey TO events_whole_pkey;
DROP INDEX events_by_transaction;
CREATE SEQUENCE events_event_id;
CREATE TABLE events (
    event_id bigint NOT NULL DEFAULT nextval('events_event_id'),
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    table_name text COLLATE "C" NOT NULL,
    row_key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('upserted', 'deleted')),
    row text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    request_id text COLLATE "C" DEFAULT nullif(current_setting('newsreel.request_id', true), ''),
    PRIMARY KEY (transaction_id, event_id, at)
) PARTITION BY RANGE (at);
CREATE TABLE events_default PARTITION OF events DEFAULT;
ALTER SEQUENCE events_event_id OWNED BY events.event_id;
INSERT INTO events (event_id, transaction_id, table_name, row_key, kind, row, at)
SELECT event_id, transaction_id, table_name, row_key, kind, row, at FROM events_whole;
SELECT setval('events_event_id', coalesce((SELECT max(event_id) FROM events_whole), 0) + 1, false);
DROP TABLE events_whole;
COMMENT ON TABLE events IS 'The outbox: one row for each change of a live row, written in its transaction.';

CREATE TABLE credentials (
    user_id text COLLATE "C" PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    password_hash text NOT NULL
);
COMMENT ON TABLE credentials IS 'Argon2id hashes of passwords; an account without one cannot log in.';

CREATE TABLE sessions (
    session_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
    refresh_hash bytea NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz NOT NULL
);
CREATE INDEX sessions_by_user_id ON sessions (user_id);
CREATE INDEX sessions_by_expires ON sessions (expires);
COMMENT ON TABLE sessions IS 'Open sessions; refresh_hash is SHA-256 of the one refresh token that is good now.';

CREATE FUNCTION tell_ended_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('session_ended', OLD.session_id);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_ended AFTER DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION tell_ended_session();

CREATE TABLE friend_requests (
    user_id text COLLATE "C" NOT NULL,
    asked_id text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, asked_id),
    CHECK (user_id <> asked_id)
);
CREATE INDEX friend_requests_by_asked_id ON friend_requests (asked_id, user_id);
COMMENT ON TABLE friend_requests IS 'Who has asked whom to be friends, and has no answer yet.';

CREATE TABLE idempotency_keys (
    subject text COLLATE "C" NOT NULL,
    path text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    body_digest bytea NOT NULL,
    status smallint NOT NULL,
    headers jsonb NOT NULL,
    body text NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, path, key)
);
CREATE INDEX idempotency_keys_by_created ON idempotency_keys (created);
-- Of an account that goes, the answer to its sign-up goes too.
CREATE INDEX idempotency_keys_by_account ON idempotency_keys ((headers ->> 'Location')) WHERE path = '/v1/users';
COMMENT ON TABLE idempotency_keys IS 'First answers to requests with an Idempotency-Key, for 24 hours.';

-- Counters. A reaction or a view adds a row here, in its own transaction and without waiting for anybody; now and then
-- the rows are added up into `videos` (streaming/api/tallies.py).
CREATE TABLE tallies (
    tally_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    video_id text COLLATE "C" NOT NULL,
    likes bigint NOT NULL,
    dislikes bigint NOT NULL,
    views bigint NOT NULL
);
COMMENT ON TABLE tallies IS 'Changes of counters that are not in videos yet.';

CREATE FUNCTION tally_reactions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT video_id, count(*) FILTER (WHERE kind = 'like'), count(*) FILTER (WHERE kind = 'dislike'), 0
        FROM after GROUP BY video_id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT video_id, -count(*) FILTER (WHERE kind = 'like'), -count(*) FILTER (WHERE kind = 'dislike'), 0
        FROM before GROUP BY video_id;
    ELSE
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT a.video_id,
            count(*) FILTER (WHERE a.kind = 'like') - count(*) FILTER (WHERE b.kind = 'like'),
            count(*) FILTER (WHERE a.kind = 'dislike') - count(*) FILTER (WHERE b.kind = 'dislike'), 0
        FROM after a JOIN before b ON a.video_id = b.video_id AND a.user_id = b.user_id
        WHERE a.kind <> b.kind GROUP BY a.video_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tally_insert AFTER INSERT ON reactions REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION tally_reactions();
CREATE TRIGGER tally_update AFTER UPDATE ON reactions REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION tally_reactions();
CREATE TRIGGER tally_delete AFTER DELETE ON reactions REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION tally_reactions();

CREATE FUNCTION tally_views() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT video_id, 0, 0, count(*) FROM after GROUP BY video_id;
    ELSE
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT video_id, 0, 0, -count(*) FROM before GROUP BY video_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tally_insert AFTER INSERT ON views REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION tally_views();
CREATE TRIGGER tally_delete AFTER DELETE ON views REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION tally_views();

-- Who keeps videos in memory hears which have changed (streaming/api/kept_reads.py); `*` stands for many.
CREATE FUNCTION tell_changed_videos() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM before LIMIT 101) AS few) > 100 THEN
        PERFORM pg_notify('video_changed', '*');
    ELSE
        PERFORM pg_notify('video_changed', video_id) FROM before;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_update AFTER UPDATE ON videos REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION tell_changed_videos();
CREATE TRIGGER tell_delete AFTER DELETE ON videos REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION tell_changed_videos();
