-- How do uploads end?
SELECT state, count(*) AS uploads, sum(size_bytes) AS size_bytes
FROM uploads
GROUP BY state
ORDER BY uploads DESC;

-- Which open uploads expire within a day?
SELECT upload_id, title, size_bytes, expires
FROM uploads
WHERE state = 'open' AND expires < now() + INTERVAL '1 day'
ORDER BY expires;

-- What became of the videos that were uploaded?
SELECT v.status, count(*) AS videos
FROM uploads AS u
JOIN videos AS v ON v.video_id = u.video_id
GROUP BY v.status
ORDER BY videos DESC;
