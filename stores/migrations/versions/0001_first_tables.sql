-- The tables as they were before there were migrations: a database that has them already is taken as it is.
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
CREATE TABLE IF NOT EXISTS events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    table_name text COLLATE "C" NOT NULL,
    row_key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('upserted', 'deleted')),
    row text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS events_by_transaction ON events (transaction_id, event_id);
CREATE TABLE IF NOT EXISTS consumers (
    consumer text COLLATE "C" PRIMARY KEY,
    batch bigint NOT NULL DEFAULT 0,
    transaction_id xid8 NOT NULL DEFAULT '0',
    event_id bigint NOT NULL DEFAULT 0,
    next_transaction_id xid8,
    next_event_id bigint
);
CREATE TABLE IF NOT EXISTS fences (
    scope text COLLATE "C" PRIMARY KEY,
    token bigint NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    stage text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    backend integer,
    backend_start timestamptz
);
COMMENT ON TABLE events IS 'The outbox: one row for each change of a live row, written in its transaction.';
COMMENT ON TABLE consumers IS 'How far each reader of the outbox has come, and the batch it is in the middle of.';
COMMENT ON TABLE fences IS 'Who may write for a video, or refresh the tables; backend and its start are its session.';
