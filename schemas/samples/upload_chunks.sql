-- How much of each open upload has arrived?
SELECT u.upload_id, max(c.byte_end) AS received_bytes, u.size_bytes
FROM uploads AS u
JOIN upload_chunks AS c ON c.upload_id = u.upload_id
WHERE u.state = 'open'
GROUP BY u.upload_id, u.size_bytes;

-- Which byte ranges of an upload have digests?
SELECT upload_id, chunk_index, byte_start, byte_end, sha256
FROM upload_chunks
ORDER BY upload_id, chunk_index
LIMIT 100;

-- Were the same bytes uploaded more than once?
SELECT sha256, count(*) AS chunks, sum(byte_end - byte_start) AS size_bytes
FROM upload_chunks
GROUP BY sha256
HAVING count(*) > 1
ORDER BY chunks DESC
LIMIT 20;
