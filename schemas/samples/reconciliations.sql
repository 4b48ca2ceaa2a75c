-- Do the counters of the API match the lake?
SELECT run_id, counter, live, lake, set_by_import, differing
FROM reconciliations
ORDER BY at DESC, counter
LIMIT 30;

-- When did they differ?
SELECT at, counter, differing, sample
FROM reconciliations
WHERE differing > 0
ORDER BY at DESC;

-- How many videos were compared each night?
SELECT CAST(at AS DATE) AS day, max(videos) AS videos
FROM reconciliations
GROUP BY day
ORDER BY day;
