-- name: record
SELECT body FROM records WHERE service = ? AND kind = ? AND key = ?
-- name: records
-- The unary plus keeps `key > ?` out of the search for a place to begin: that is the greater of both bounds.
SELECT key, body FROM records WHERE service = ? AND kind = ? AND key >= ? AND +key > ? AND key < ? ORDER BY key LIMIT ?
-- name: put_record
INSERT INTO records (service, kind, key, version, body) VALUES (?, ?, ?, 1, ?)
ON CONFLICT (service, kind, key) DO UPDATE SET version = version + 1, body = excluded.body
-- name: delete_record
DELETE FROM records WHERE service = ? AND kind = ? AND key = ?
-- name: delete_references
DELETE FROM blob_references WHERE service = ? AND kind = ? AND key = ?
-- name: put_reference
INSERT OR IGNORE INTO blob_references (service, kind, key, digest) VALUES (?, ?, ?, ?)
-- name: blob
SELECT data FROM blobs WHERE digest = ?
-- name: put_blob
INSERT INTO blobs (digest, written, data) VALUES (?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET written = excluded.written
-- name: referenced
SELECT 1 FROM blob_references WHERE digest = ? LIMIT 1
-- name: collect_blobs
DELETE FROM blobs WHERE written < ? AND NOT EXISTS
    (SELECT 1 FROM blob_references AS reference WHERE reference.digest = blobs.digest)
-- name: journal
SELECT format, events FROM journal WHERE name = ? ORDER BY id
-- name: append_journal
INSERT INTO journal (name, format, events) VALUES (?, ?, ?)
-- name: drop_journal
DELETE FROM journal WHERE name = ?
-- name: effects
SELECT token, kind, body FROM effects ORDER BY id
-- name: put_effect
INSERT INTO effects (token, kind, body) VALUES (?, ?, ?)
ON CONFLICT (token) DO UPDATE SET kind = excluded.kind, body = excluded.body
-- name: settle_effect
DELETE FROM effects WHERE token = ?
-- name: timers
SELECT key, due, kind, body FROM timers
-- name: put_timer
INSERT INTO timers (key, due, kind, body) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET due = excluded.due, kind = excluded.kind, body = excluded.body
-- name: cancel_timer
DELETE FROM timers WHERE key = ?
-- name: reply
SELECT reply FROM replies WHERE token = ?
-- name: put_reply
INSERT OR REPLACE INTO replies (token, reply) VALUES (?, ?)
-- name: forget_reply
DELETE FROM replies WHERE token = ?
