-- How many chunks were damaged?
SELECT state, count(*) AS chunks, sum(end_s - start_s) AS seconds
FROM chunks
GROUP BY state;

-- Where is a video damaged?
SELECT video_id, chunk_index, start_s, end_s, byte_start, byte_end
FROM chunks
WHERE state = 'damaged'
ORDER BY video_id, chunk_index
LIMIT 100;

-- What is the frame rate of each video?
SELECT video_id, sum(frames) / sum(end_s - start_s) AS frames_per_s
FROM chunks
GROUP BY video_id
HAVING sum(end_s - start_s) > 0;
