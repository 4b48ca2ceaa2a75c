-- Which expectations failed recently?
SELECT at, table_name, expectation, unexpected, rows, sample
FROM quality_results
WHERE NOT success
ORDER BY at DESC
LIMIT 50;

-- How many expectations were met, by table?
SELECT table_name, count(*) AS checked, count(*) FILTER (WHERE success) AS met
FROM quality_results
GROUP BY table_name
ORDER BY table_name;

-- What did the newest run check?
SELECT table_name, expectation, success, rows
FROM quality_results
WHERE run_id = (SELECT run_id FROM quality_results ORDER BY at DESC LIMIT 1)
ORDER BY table_name, expectation;
