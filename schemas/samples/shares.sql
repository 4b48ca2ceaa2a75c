-- Which links are valid, and until when?
SELECT share_id, video_id, expires
FROM shares
WHERE expires > now()
ORDER BY expires;

-- Which videos are shared most?
SELECT v.title, count(*) AS shares
FROM shares AS s
JOIN videos AS v ON v.video_id = s.video_id
GROUP BY v.video_id, v.title
ORDER BY shares DESC, v.title
LIMIT 20;

-- How long do links last?
SELECT date_trunc('day', created) AS day, avg(date_part('epoch', expires) - date_part('epoch', created)) / 3600 AS mean_hours
FROM shares
GROUP BY day
ORDER BY day;
