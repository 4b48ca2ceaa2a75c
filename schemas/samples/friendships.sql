-- Which accounts have most friends?
SELECT user_id, count(*) AS friends
FROM (SELECT user_id_1 AS user_id FROM friendships UNION ALL SELECT user_id_2 FROM friendships) AS friends
GROUP BY user_id
ORDER BY friends DESC, user_id
LIMIT 20;

-- How many friendships begin each day?
SELECT CAST(created AS DATE) AS day, count(*) AS friendships
FROM friendships
GROUP BY day
ORDER BY day;

-- Which friends also follow each other?
SELECT f.user_id_1, f.user_id_2
FROM friendships AS f
JOIN follows AS one ON one.follower_id = f.user_id_1 AND one.followee_id = f.user_id_2
JOIN follows AS other ON other.follower_id = f.user_id_2 AND other.followee_id = f.user_id_1;
