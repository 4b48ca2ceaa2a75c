-- How many accounts were created each day?
SELECT CAST(created AS DATE) AS day, count(*) AS accounts
FROM users
GROUP BY day
ORDER BY day;

-- Which accounts have not logged in for 30 days?
SELECT user_id, last_login
FROM users
WHERE last_login < now() - INTERVAL '30 days'
ORDER BY last_login;

-- How many accounts are there now, and how many had watched something?
SELECT count(*) AS accounts, count(viewer) AS viewers
FROM users
LEFT JOIN (SELECT DISTINCT user_id AS viewer FROM views) AS watched ON viewer = user_id;
