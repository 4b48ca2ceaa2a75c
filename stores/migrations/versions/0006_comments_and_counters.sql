-- From the declarations in schemas/, by `python -m newsreel.derived --migration`.
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
