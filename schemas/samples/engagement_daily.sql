-- What was watched each day?
SELECT day, sum(views) AS views, sum(watch_time_s) / 3600 AS watched_h
FROM engagement_daily
GROUP BY day
ORDER BY day;

-- Which videos were watched most on the last day?
SELECT v.title, e.views, e.unique_viewers, e.likes, e.comments
FROM engagement_daily AS e
JOIN videos AS v ON v.video_id = e.video_id
WHERE e.day = (SELECT max(day) FROM engagement_daily)
ORDER BY e.views DESC, v.title
LIMIT 20;

-- Which videos grow from one day to the next?
SELECT video_id, day, views, views - lag(views) OVER (PARTITION BY video_id ORDER BY day) AS more
FROM engagement_daily
ORDER BY more DESC NULLS LAST, video_id, day
LIMIT 20;
