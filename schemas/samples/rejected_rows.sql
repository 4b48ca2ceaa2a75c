-- Which rows were rejected, and why?
SELECT table_name, reason, count(*) AS rows
FROM rejected_rows
GROUP BY table_name, reason
ORDER BY rows DESC, table_name;

-- What do the most recent ones contain?
SELECT at, table_name, reason, row
FROM rejected_rows
ORDER BY at DESC
LIMIT 20;

-- Which imports had rejected rows?
SELECT run_id, table_name, count(*) AS rows
FROM rejected_rows
WHERE run_id LIKE 'import-%'
GROUP BY run_id, table_name
ORDER BY rows DESC;
