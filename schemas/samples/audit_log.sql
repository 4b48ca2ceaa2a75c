-- What did operators do most recently?
SELECT created, operator_id, action, object_id, reason
FROM audit_log
ORDER BY created DESC
LIMIT 100;

-- How often was each action taken?
SELECT action, count(*) AS acts
FROM audit_log
GROUP BY action
ORDER BY acts DESC;

-- Which videos are still taken down?
SELECT DISTINCT v.video_id, v.title
FROM audit_log AS a
JOIN videos AS v ON v.video_id = a.object_id
WHERE a.action = 'take_down' AND v.status = 'removed';
