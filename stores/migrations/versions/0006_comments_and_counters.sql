-- From the declarations in schemas/, by `python -m newsreel.derived --migration`.
COMMENT ON COLUMN users.user_id IS 'Id of the account, minted at the edge.';
COMMENT ON COLUMN users.user_name IS 'Public name, unique.';
COMMENT ON COLUMN users.email IS 'Email address.';
COMMENT ON COLUMN users.date_of_birth IS 'Date of birth; the age is computed from it on each read.';
COMMENT ON COLUMN users.last_login IS 'Time of the last log-in, UTC.';
COMMENT ON COLUMN users.created IS 'Time of the sign-up, UTC.';
COMMENT ON TABLE users IS 'Accounts.';
COMMENT ON COLUMN friendships.user_id_1 IS 'Friend with the lower id, by code point.';
COMMENT ON COLUMN friendships.user_id_2 IS 'Friend with the higher id.';
COMMENT ON COLUMN friendships.created IS 'Time of the acceptance, UTC.';
COMMENT ON TABLE friendships IS 'Friendships: requested by one account and accepted by the other.';
COMMENT ON COLUMN follows.follower_id IS 'Account that follows.';
COMMENT ON COLUMN follows.followee_id IS 'Account that is followed.';
COMMENT ON COLUMN follows.created IS 'Start of the follow, UTC.';
COMMENT ON TABLE follows IS 'Follows: accounts whose posts an account reads without being a friend.';
COMMENT ON COLUMN blocks.user_id IS 'Account that blocks.';
COMMENT ON COLUMN blocks.blocked_id IS 'Account that is blocked.';
COMMENT ON COLUMN blocks.created IS 'Start of the block, UTC.';
COMMENT ON TABLE blocks IS 'Blocks: two accounts of which neither sees the other, at the wish of one.';
COMMENT ON COLUMN posts.post_id IS 'Id of the post, minted at the edge.';
COMMENT ON COLUMN posts.user_id IS 'Author.';
COMMENT ON COLUMN posts.content IS 'Text.';
COMMENT ON COLUMN posts.creation_time IS 'Time of writing, UTC.';
COMMENT ON TABLE posts IS 'Posts: texts for the news feed.';
COMMENT ON COLUMN uploads.upload_id IS 'Id of the upload, minted at the edge.';
COMMENT ON COLUMN uploads.user_id IS 'Uploader.';
COMMENT ON COLUMN uploads.title IS 'Title of the video.';
COMMENT ON COLUMN uploads.description IS 'Description of the video.';
COMMENT ON COLUMN uploads.file_name IS 'Name of the uploader''s file; never used as a path.';
COMMENT ON COLUMN uploads.size_bytes IS 'Size of the whole file.';
COMMENT ON COLUMN uploads.state IS 'State of the upload.';
COMMENT ON COLUMN uploads.sha256 IS 'SHA-256 of the file, once it is complete.';
COMMENT ON COLUMN uploads.video_id IS 'Video created from it.';
COMMENT ON COLUMN uploads.expires IS 'Time at which it expires unless more bytes arrive, UTC.';
COMMENT ON COLUMN uploads.created IS 'Time of its creation, UTC.';
COMMENT ON TABLE uploads IS 'Resumable uploads (tus 1.0.0).';
COMMENT ON COLUMN upload_chunks.upload_id IS 'Upload.';
COMMENT ON COLUMN upload_chunks.chunk_index IS 'Position in the file, from 0.';
COMMENT ON COLUMN upload_chunks.sha256 IS 'SHA-256 of its bytes, 64 hex digits.';
COMMENT ON TABLE upload_chunks IS 'Digests of each MiB of an upload, computed as the bytes arrived.';
COMMENT ON COLUMN views.video_id IS 'Video; UUIDv5 of uploader and content if `ingest` created it.';
COMMENT ON COLUMN views.user_id IS 'Account.';
COMMENT ON COLUMN views.session_id IS 'Viewing session, named by the client.';
COMMENT ON COLUMN views.watched_s IS 'Longest time watched that was reported.';
COMMENT ON COLUMN views.created IS 'Time of the first report, UTC.';
COMMENT ON TABLE views IS 'Playback of videos, as reported by clients.';
COMMENT ON COLUMN reactions.video_id IS 'Video; UUIDv5 of uploader and content if `ingest` created it.';
COMMENT ON COLUMN reactions.user_id IS 'Account.';
COMMENT ON COLUMN reactions.kind IS 'Kind of the reaction.';
COMMENT ON COLUMN reactions.created IS 'Time of the reaction, UTC.';
COMMENT ON TABLE reactions IS 'Likes and dislikes, one for each account and video.';
COMMENT ON COLUMN comments.comment_id IS 'Id of the comment, minted at the edge.';
COMMENT ON COLUMN comments.video_id IS 'Video; UUIDv5 of uploader and content if `ingest` created it.';
COMMENT ON COLUMN comments.user_id IS 'Account.';
COMMENT ON COLUMN comments.text IS 'Text.';
COMMENT ON COLUMN comments.creation_time IS 'Time of writing, UTC.';
COMMENT ON TABLE comments IS 'Comments on videos.';
COMMENT ON COLUMN shares.share_id IS 'Id of the link, minted at the edge.';
COMMENT ON COLUMN shares.video_id IS 'Video; UUIDv5 of uploader and content if `ingest` created it.';
COMMENT ON COLUMN shares.user_id IS 'Account.';
COMMENT ON COLUMN shares.expires IS 'Time at which it expires, UTC.';
COMMENT ON COLUMN shares.created IS 'Time of its creation, UTC.';
COMMENT ON TABLE shares IS 'Links that let anyone watch a video for a limited time.';
COMMENT ON COLUMN activity.user_id IS 'Active account.';
COMMENT ON COLUMN activity.day IS 'Day of the activity, UTC.';
COMMENT ON COLUMN activity.surface IS 'Part of the product.';
COMMENT ON COLUMN activity.created IS 'First activity on that day and surface, UTC.';
COMMENT ON TABLE activity IS 'Accounts that made an authenticated request or sent a chat frame, by day and surface.';
COMMENT ON COLUMN audit_log.audit_id IS 'Id of the action, minted at the edge.';
COMMENT ON COLUMN audit_log.operator_id IS 'Operator.';
COMMENT ON COLUMN audit_log.action IS 'Kind of the action.';
COMMENT ON COLUMN audit_log.object_id IS 'Video or post that it was done to.';
COMMENT ON COLUMN audit_log.reason IS 'Reason given by the operator.';
COMMENT ON COLUMN audit_log.request_id IS 'API request of the action.';
COMMENT ON COLUMN audit_log.created IS 'Time of the action, UTC.';
COMMENT ON TABLE audit_log IS 'Actions of operators on other people''s objects; append-only.';
COMMENT ON COLUMN match_decisions.video_id IS 'Video; UUIDv5 of uploader and content if `ingest` created it.';
COMMENT ON COLUMN match_decisions.reference_video_id IS 'Earlier video.';
COMMENT ON COLUMN match_decisions.operator_id IS 'Operator who decided.';
COMMENT ON COLUMN match_decisions.reason IS 'Reason given by the operator.';
COMMENT ON COLUMN match_decisions.created IS 'Time of the decision, UTC.';
COMMENT ON TABLE match_decisions IS 'Operators'' decisions that a video is not a duplicate of an earlier one despite their match.';
COMMENT ON COLUMN videos.video_id IS 'Video; UUIDv5 of uploader and content if `ingest` created it.';
COMMENT ON COLUMN videos.title IS 'Title, by its uploader.';
COMMENT ON COLUMN videos.description IS 'Description, by its uploader.';
COMMENT ON COLUMN videos.thumbnail_url IS 'URL path of its thumbnail.';
COMMENT ON COLUMN videos.uploader_id IS 'Account that uploaded it.';
COMMENT ON COLUMN videos.likes IS 'Current number of likes.';
COMMENT ON COLUMN videos.dislikes IS 'Current number of dislikes.';
COMMENT ON COLUMN videos.views IS 'Number of viewing sessions.';
COMMENT ON COLUMN videos.duration_s IS 'Playing time.';
COMMENT ON COLUMN videos.status IS 'State of its processing; ready, rejected, duplicate and removed are final.';
COMMENT ON COLUMN videos.reasons IS 'Reasons why it is not ready, for a person to act on.';
COMMENT ON COLUMN videos.duplicate_of IS 'Video of which it is a duplicate.';
COMMENT ON COLUMN videos.visibility IS 'Audience chosen by its uploader.';
COMMENT ON COLUMN videos.sha256 IS 'SHA-256 of the source file, 64 hex digits; null for an imported row without a file.';
COMMENT ON COLUMN videos.package IS 'Digest of the published package, the name of its folder.';
COMMENT ON COLUMN videos.created IS 'Time of its first upload, UTC.';
COMMENT ON TABLE videos IS 'All videos, including rejected ones.';
CREATE OR REPLACE FUNCTION tally_views() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT video_id, 0, 0, count(*)
        FROM after GROUP BY video_id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT video_id, 0, 0, -count(*)
        FROM before GROUP BY video_id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION tally_reactions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT video_id, count(*) FILTER (WHERE kind = 'like'), count(*) FILTER (WHERE kind = 'dislike'), 0
        FROM after GROUP BY video_id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT video_id, -count(*) FILTER (WHERE kind = 'like'), -count(*) FILTER (WHERE kind = 'dislike'), 0
        FROM before GROUP BY video_id;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO tallies (video_id, likes, dislikes, views)
        SELECT a.video_id, count(*) FILTER (WHERE a.kind = 'like') - count(*) FILTER (WHERE b.kind = 'like'), count(*) FILTER (WHERE a.kind = 'dislike') - count(*) FILTER (WHERE b.kind = 'dislike'), 0
        FROM after a JOIN before b ON a.video_id = b.video_id AND a.user_id = b.user_id
        WHERE a.kind <> b.kind GROUP BY a.video_id;
    END IF;
    RETURN NULL;
END $$;

-- By hand: comments of the tables that are not declared.
COMMENT ON TABLE events IS 'Outbox: one row for each change of a live row, written in its transaction.';
COMMENT ON TABLE consumers IS 'Cursors of the consumers of the outbox, and the end of the batch in progress (next_*).';
COMMENT ON TABLE fences IS 'Fences by scope: the attempt that may write for a video or refresh the tables, and its session.';
COMMENT ON TABLE sessions IS 'Open sessions; refresh_hash is the SHA-256 of the one valid refresh token.';
COMMENT ON TABLE friend_requests IS 'Friend requests of user_id to asked_id that have no answer yet.';
COMMENT ON TABLE idempotency_keys IS 'First responses to requests with an Idempotency-Key, kept for 24 hours.';
COMMENT ON TABLE tallies IS 'Changes of counters that are not added to videos yet.';
