-- Which accounts are blocked most?
SELECT blocked_id, count(*) AS blocked_by
FROM blocks
GROUP BY blocked_id
ORDER BY blocked_by DESC, blocked_id
LIMIT 20;

-- How many blocks are made each week?
SELECT date_trunc('week', created) AS week, count(*) AS blocks
FROM blocks
GROUP BY week
ORDER BY week;

-- Which blocks are mutual?
SELECT one.user_id, one.blocked_id
FROM blocks AS one
JOIN blocks AS other ON other.user_id = one.blocked_id AND other.blocked_id = one.user_id
WHERE one.user_id < one.blocked_id;
