-- Which videos got most comments this week?
SELECT v.title, count(*) AS comments
FROM comments AS c
JOIN videos AS v ON v.video_id = c.video_id
WHERE c.creation_time > now() - INTERVAL '7 days'
GROUP BY v.video_id, v.title
ORDER BY comments DESC, v.title
LIMIT 20;

-- How many comments are written each day, and by how many accounts?
SELECT CAST(creation_time AS DATE) AS day, count(*) AS comments, count(DISTINCT user_id) AS people
FROM comments
GROUP BY day
ORDER BY day;

-- Which comments contain a word?
SELECT comment_id, video_id, creation_time, text
FROM comments
WHERE text ILIKE '%penguin%'
ORDER BY creation_time DESC
LIMIT 100;
