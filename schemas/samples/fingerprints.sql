-- How large is the corpus?
SELECT origin, count(DISTINCT video_id) AS videos, count(*) AS fingerprints
FROM fingerprints
GROUP BY origin;

-- How good are the fingerprints?
SELECT quality, count(*) AS fingerprints
FROM fingerprints
GROUP BY quality
ORDER BY quality;

-- Which hashes occur in more than one video?
SELECT encode(hash, 'hex') AS hash, count(DISTINCT video_id) AS videos
FROM fingerprints
GROUP BY hash
HAVING count(DISTINCT video_id) > 1
ORDER BY videos DESC, hash
LIMIT 20;
