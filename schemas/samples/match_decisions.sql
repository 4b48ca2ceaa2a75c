-- Which matches were overruled, and why?
SELECT video_id, reference_video_id, reason, created
FROM match_decisions
ORDER BY created DESC;

-- How many are overruled each week?
SELECT date_trunc('week', created) AS week, count(*) AS decisions
FROM match_decisions
GROUP BY week
ORDER BY week;

-- What were the scores of overruled matches?
SELECT d.video_id, d.reference_video_id, m.kind, m.score
FROM match_decisions AS d
JOIN matches AS m ON m.video_id = d.video_id AND m.reference_video_id = d.reference_video_id
ORDER BY m.score DESC;
