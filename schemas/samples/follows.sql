-- Which accounts have most followers?
SELECT followee_id, count(*) AS followers
FROM follows
GROUP BY followee_id
ORDER BY followers DESC, followee_id
LIMIT 20;

-- How many accounts does an account follow: median and maximum?
SELECT approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY followed) AS median, max(followed) AS most
FROM (SELECT follower_id, count(*) AS followed FROM follows GROUP BY follower_id) AS readers;

-- Which accounts have most followers whom they do not follow?
SELECT f.followee_id, count(*) AS one_way
FROM follows AS f
LEFT JOIN follows AS back ON back.follower_id = f.followee_id AND back.followee_id = f.follower_id
WHERE back.follower_id IS NULL
GROUP BY f.followee_id
ORDER BY one_way DESC, f.followee_id
LIMIT 20;
