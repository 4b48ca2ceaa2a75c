-- Which tables are largest?
SELECT table_name, rows, files, size_bytes
FROM table_sizes
WHERE day = (SELECT max(day) FROM table_sizes)
ORDER BY size_bytes DESC, table_name;

-- How does the lake grow?
SELECT day, sum(rows) AS rows, sum(size_bytes) AS size_bytes, sum(stored_bytes) AS stored_bytes
FROM table_sizes
GROUP BY day
ORDER BY day;

-- What did the maintenance do?
SELECT day, table_name, files_before - files AS files_fewer, vacuumed_files, erased_rows
FROM table_sizes
WHERE files_before > files OR vacuumed_files > 0 OR erased_rows > 0
ORDER BY day DESC, table_name;
