-- Which videos match others?
SELECT v.title, m.kind, m.score, r.title AS repeats
FROM matches AS m
JOIN videos AS v ON v.video_id = m.video_id
LEFT JOIN videos AS r ON r.video_id = m.reference_video_id
ORDER BY m.score DESC, v.title
LIMIT 50;

-- How many seconds of each video are in another one?
SELECT video_id, sum(query_end_s - query_start_s) AS seconds
FROM matches
GROUP BY video_id
ORDER BY seconds DESC;

-- Which videos are copied most?
SELECT reference_video_id, count(DISTINCT video_id) AS copies
FROM matches
GROUP BY reference_video_id
ORDER BY copies DESC, reference_video_id
LIMIT 20;
