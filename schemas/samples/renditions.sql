-- What is the bit rate of each rung?
SELECT codec, height, count(*) AS renditions, avg(bitrate_bps) AS mean_bitrate_bps, max(peak_bps) AS highest_peak_bps
FROM renditions
WHERE media = 'video'
GROUP BY codec, height
ORDER BY codec, height DESC;

-- What is the quality of each rung?
SELECT codec, height, avg(vmaf) AS mean_vmaf, min(vmaf) AS least_vmaf
FROM renditions
WHERE vmaf IS NOT NULL
GROUP BY codec, height
ORDER BY codec, height DESC;

-- How many bytes does each video take with all its rungs?
SELECT v.title, sum(r.bitrate_bps * r.duration_s / 8) AS size_bytes, v.size_bytes AS source_bytes
FROM renditions AS r
JOIN videos AS v ON v.video_id = r.video_id
GROUP BY v.video_id, v.title, v.size_bytes
ORDER BY size_bytes DESC, v.title
LIMIT 20;
