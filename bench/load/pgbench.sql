-- The least a durable post can be, written by hand: one lock, one row in, one balance changed.
\set account random(1, 10000)
\set points random(1, 500)
BEGIN;
SELECT balance FROM account WHERE id = :account FOR UPDATE;
INSERT INTO entry (account, points) VALUES (:account, :points);
UPDATE account SET balance = balance + :points WHERE id = :account;
COMMIT;
