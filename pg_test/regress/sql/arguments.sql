-- Wrong arguments: message, detail, hint and SQLSTATE of every function.
CREATE EXTENSION pg_accord;
CREATE TABLE public.a (id int);
SELECT accord.version();

-- add_replica
SELECT accord.add_replica('', 'host=127.0.0.1');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica(repeat('n', 64), 'host=127.0.0.1');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica(E'line\nbreak', 'host=127.0.0.1');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'nonsense');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1 port=abc');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1 hosts=b');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'service=no_such_service');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1 gssencmode=require');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1', '[]');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1', '{"lock_timeout": "soon"}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1', '{"lock_timeout": 0}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1', '{"max_attempts": 0}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1', '{"on_drop_column": "ask"}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1', '{"require_approval": "never"}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1', (repeat('[', 300) || repeat(']', 300))::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1', '{"max_attempts": 1e400}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica(NULL, 'host=127.0.0.1') IS NULL AS nothing_done;

-- A name that is there is not there twice, and what is wrong with a name is said with those that are there.
SELECT accord.drop_replica('nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.add_replica('r', 'host=127.0.0.1 port=1 user=u password=secret');
SELECT accord.add_replica('r', 'host=127.0.0.1');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.drop_replica('nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.pause_replica('nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.resume_replica('nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.retry('nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.wait_for_replica('nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.approve('nobody', 1);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.skip('nobody', 1, 'why');
\echo :LAST_ERROR_SQLSTATE

-- A state in which it makes no sense.
SELECT accord.resume_replica('r');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.approve('r', 1);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.approve('r', -1);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.skip('r', 1, '  ');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.skip('r', 99, 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.skip('r', -1, 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.wait_for_replica('r', '10 ms');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.pause_replica('r');
SELECT accord.pause_replica('r');
SELECT accord.retry('r');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.wait_for_replica('r');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.skip('r', 1, 'not wanted there');
SELECT replica, state, version, acknowledged, behind, reason, hint FROM accord.status;
SELECT accord.resume_replica('r');
SELECT replica, state, version, acknowledged, behind, reason, hint FROM accord.status;
SELECT name, conninfo, state, baseline, acknowledged, policy, projection FROM accord.replicas;

-- The ledger's questions
SELECT accord.reverse_ddl(99);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.reverse_ddl(0);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.revert(99);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.revert(-1);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.fingerprint(projection => '{"schema": "public"}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.model('[]');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.model((repeat('[', 300) || repeat(']', 300))::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.event_loss('{"no": "list"}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.event_loss((repeat('[', 300) || repeat(']', 300))::json);
\echo :LAST_ERROR_SQLSTATE
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT accord.seal();
ROLLBACK;
\echo :LAST_ERROR_SQLSTATE
SELECT accord.initialize();
\echo :LAST_ERROR_SQLSTATE
SELECT accord.on_event();
\echo :LAST_ERROR_SQLSTATE
SELECT accord.mask_conninfo('host=a password=''b c'' user=d'), accord.mask_conninfo('postgresql://u:p@h/d'), accord.mask_conninfo('nonsense');

-- The replica's side
SELECT accord.hello('{}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.hello('{"protocol": 99, "source": "00000000-0000-7000-8000-000000000000", "replica": "r"}');
\echo :LAST_ERROR_SQLSTATE
SELECT accord.hello((repeat('[', 300) || repeat(']', 300))::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT jsonb_pretty(accord.negotiate('{}'));
SELECT jsonb_pretty(accord.negotiate('{"protocol": 99}'));
SELECT jsonb_pretty(accord.negotiate('{"protocol": 1}'));
SELECT jsonb_pretty(accord.apply('{}'));
SELECT jsonb_pretty(accord.apply('{"offer": {"protocol": 99}, "surprise": true}'));
SELECT accord.negotiate((repeat('[', 300) || repeat(']', 300))::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.apply((repeat('[', 300) || repeat(']', 300))::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.forget_source('00000000-0000-7000-8000-000000000000');
\echo :LAST_ERROR_SQLSTATE

-- The settings
SET accord.on_capture_error = 'ignore';
\echo :LAST_ERROR_SQLSTATE
SET accord.databases = 'a';
\echo :LAST_ERROR_SQLSTATE
SELECT name, setting, unit, context FROM pg_settings WHERE name LIKE 'accord.%' ORDER BY name;
