-- What did operators do, the newest first?
SELECT created, operator_id, action, object_id, reason
FROM audit_log
ORDER BY created DESC
LIMIT 100;

-- How often was what done?
SELECT action, count(*) AS acts
FROM audit_log
GROUP BY action
ORDER BY acts DESC;

-- Which videos were taken down and are so still?
SELECT DISTINCT v.video_id, v.title
FROM audit_log AS a
JOIN videos AS v ON v.video_id = a.object_id
WHERE a.action = 'take_down' AND v.status = 'removed';
