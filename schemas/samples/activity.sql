-- Which surfaces are used, and by how many accounts?
SELECT surface, count(DISTINCT user_id) AS users
FROM activity
GROUP BY surface
ORDER BY users DESC, surface;

-- How many accounts were active each day?
SELECT day, count(DISTINCT user_id) AS users
FROM activity
GROUP BY day
ORDER BY day;

-- On how many days was each account active?
SELECT days, count(*) AS users
FROM (SELECT user_id, count(DISTINCT day) AS days FROM activity GROUP BY user_id) AS people
GROUP BY days
ORDER BY days;
