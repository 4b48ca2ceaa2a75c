-- How many accounts come back after a day, a week, a month?
SELECT days_after, sum(active) * 1.0 / sum(users) AS share
FROM retention
WHERE days_after IN (1, 7, 30)
GROUP BY days_after
ORDER BY days_after;

-- What is the retention of each cohort?
SELECT cohort, days_after, active * 1.0 / users AS share
FROM retention
ORDER BY cohort, days_after;

-- Does retention improve?
SELECT cohort, active * 1.0 / users AS after_a_week
FROM retention
WHERE days_after = 7
ORDER BY cohort;
