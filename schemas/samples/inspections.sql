-- Which faults are found, and how often?
SELECT kind, severity, count(*) AS faults, count(DISTINCT video_id) AS videos
FROM inspections
GROUP BY kind, severity
ORDER BY faults DESC, kind;

-- Which faults could parity data have repaired?
SELECT repairable, count(*) AS faults
FROM inspections
GROUP BY repairable;

-- What is wrong with the newest videos?
SELECT v.title, i.kind, i.start_s, i.end_s, i.detail
FROM inspections AS i
JOIN videos AS v ON v.video_id = i.video_id
ORDER BY v.created DESC, i.start_s
LIMIT 50;
