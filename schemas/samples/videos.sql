-- How many videos have each status?
SELECT status, count(*) AS videos, sum(duration_s) / 3600 AS hours
FROM videos
GROUP BY status
ORDER BY videos DESC;

-- Why were videos rejected?
SELECT reason, count(*) AS videos
FROM (SELECT unnest(reasons) AS reason FROM videos WHERE status IN ('rejected', 'failed')) AS refused
GROUP BY reason
ORDER BY videos DESC;

-- Which videos are watched most?
SELECT title, views, likes, dislikes
FROM videos
WHERE status = 'ready'
ORDER BY views DESC, title
LIMIT 20;
