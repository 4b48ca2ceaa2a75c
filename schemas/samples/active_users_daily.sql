-- How many accounts are active by day, week and month?
SELECT day, users, users_7d, users_30d
FROM active_users_daily
WHERE surface = 'all'
ORDER BY day;

-- What share of a month's active accounts is active on a day?
SELECT day, users * 1.0 / users_30d AS share
FROM active_users_daily
WHERE surface = 'all' AND users_30d > 0
ORDER BY day;

-- Which surfaces do they use?
SELECT surface, max(users) AS most_users
FROM active_users_daily
GROUP BY surface
ORDER BY most_users DESC, surface;
