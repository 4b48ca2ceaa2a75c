-- Which accounts write most posts?
SELECT user_id, count(*) AS posts
FROM posts
GROUP BY user_id
ORDER BY posts DESC, user_id
LIMIT 20;

-- How many posts are there each day, and how long are they?
SELECT CAST(creation_time AS DATE) AS day, count(*) AS posts, avg(character_length(content)) AS mean_characters
FROM posts
GROUP BY day
ORDER BY day;

-- How many readers does each of the newest posts have by follows?
SELECT p.post_id, p.creation_time, count(f.follower_id) AS followers
FROM (SELECT * FROM posts ORDER BY creation_time DESC, post_id LIMIT 20) AS p
LEFT JOIN follows AS f ON f.followee_id = p.user_id
GROUP BY p.post_id, p.creation_time
ORDER BY p.creation_time DESC, p.post_id;
