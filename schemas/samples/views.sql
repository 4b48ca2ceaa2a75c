-- Which videos are watched most, and for how long in total?
SELECT v.title, count(*) AS views, sum(w.watched_s) / 3600 AS watched_h
FROM views AS w
JOIN videos AS v ON v.video_id = w.video_id
GROUP BY v.video_id, v.title
ORDER BY views DESC, v.title
LIMIT 20;

-- At which hours of the day are videos watched?
SELECT date_part('hour', created) AS hour, count(*) AS views
FROM views
GROUP BY hour
ORDER BY hour;

-- How much of a video do they watch?
SELECT v.title, avg(least(w.watched_s / v.duration_s, 1)) AS share
FROM views AS w
JOIN videos AS v ON v.video_id = w.video_id
WHERE v.duration_s > 0
GROUP BY v.video_id, v.title
ORDER BY share DESC, v.title
LIMIT 20;
