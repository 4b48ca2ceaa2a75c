-- What failed recently, and why?
SELECT run_id, stage, attempt, state, started, detail
FROM pipeline_runs
WHERE state IN ('failed', 'lost')
ORDER BY started DESC
LIMIT 50;

-- How long does each stage take?
SELECT stage, count(*) AS runs, avg(duration_s) AS mean_s, max(duration_s) AS longest_s
FROM pipeline_runs
WHERE state = 'succeeded'
GROUP BY stage
ORDER BY mean_s DESC;

-- How many seconds does a minute of video take to encode?
SELECT sum(r.duration_s) / sum(v.duration_s) * 60 AS encode_s_per_minute
FROM pipeline_runs AS r
JOIN videos AS v ON v.video_id = r.video_id
WHERE r.stage = 'encode' AND r.state = 'succeeded';
