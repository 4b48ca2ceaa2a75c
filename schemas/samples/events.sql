-- What changed in the last hour?
SELECT table_name, kind, count(*) AS changes
FROM events
WHERE at > now() - INTERVAL '1 hour'
GROUP BY table_name, kind
ORDER BY changes DESC;

-- What is the history of one row?
SELECT event_id, at, kind, row
FROM events
WHERE table_name = 'videos' AND row_key = (SELECT max(row_key) FROM events WHERE table_name = 'videos')
ORDER BY event_id;

-- How many changes are there each day?
SELECT CAST(at AS DATE) AS day, count(*) AS changes, count(DISTINCT transaction_id) AS transactions
FROM events
GROUP BY day
ORDER BY day;
