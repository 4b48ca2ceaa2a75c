-- Which videos are liked most?
SELECT v.title, count(*) FILTER (WHERE r.kind = 'like') AS likes, count(*) FILTER (WHERE r.kind = 'dislike') AS dislikes
FROM reactions AS r
JOIN videos AS v ON v.video_id = r.video_id
GROUP BY v.video_id, v.title
ORDER BY likes DESC, v.title
LIMIT 20;

-- How many reactions are there each day?
SELECT CAST(created AS DATE) AS day, kind, count(*) AS reactions
FROM reactions
GROUP BY day, kind
ORDER BY day, kind;

-- What share of viewers reacted?
SELECT count(r.user_id) * 1.0 / count(*) AS share
FROM (SELECT DISTINCT video_id, user_id FROM views) AS w
LEFT JOIN reactions AS r ON r.video_id = w.video_id AND r.user_id = w.user_id;
