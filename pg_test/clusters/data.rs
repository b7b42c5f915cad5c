//! DDL that affects rows: what the replica's rows hold afterwards.

use crate::support::link::scalar;
use crate::support::{Link, Pair};

#[test]
fn the_using_expression_travels() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int, price text)");
    link.run("INSERT INTO public.a VALUES (1, '12 EUR')");
    link.run_there("INSERT INTO public.a VALUES (1, '12 EUR')");
    link.follow("ALTER TABLE public.a ALTER COLUMN price TYPE int USING (split_part(price, ' ', 1)::int * 100)");
    let price: i32 = scalar(&mut link.replica(), "SELECT price FROM public.a");
    assert_eq!(price, 1200);
    link.assert_agreement();
}

#[test]
fn a_using_expression_finds_what_the_clients_search_path_found() {
    let link = Link::attached(Pair::shared());
    link.follow(
        "CREATE SCHEMA tools; CREATE TABLE public.a (price text);
         CREATE FUNCTION tools.cents(text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT split_part($1, '' '', 1)::int * 100'",
    );
    link.run_there("INSERT INTO public.a VALUES ('3 EUR')");
    link.run("SET search_path = tools, public; ALTER TABLE a ALTER price TYPE int USING cents(price)");
    link.wait();
    let price: i32 = scalar(&mut link.replica(), "SELECT price FROM public.a");
    assert_eq!(price, 300);
}

#[test]
fn a_constant_default_takes_the_sources_stored_value() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    link.run("INSERT INTO public.a VALUES (1)");
    link.run_there("INSERT INTO public.a VALUES (1)");
    // now() is evaluated once, on the source; the replica's own now() would be another moment.
    link.follow("ALTER TABLE public.a ADD COLUMN at timestamptz NOT NULL DEFAULT now(), ADD COLUMN n int DEFAULT 7");
    let read = "SELECT at::text || ' ' || n FROM public.a";
    let (ours, theirs): (String, String) = (scalar(&mut link.source(), read), scalar(&mut link.replica(), read));
    assert_eq!(ours, theirs);
    link.assert_agreement();
}

#[test]
fn a_volatile_default_invents_no_values() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    link.run("INSERT INTO public.a VALUES (1)");
    link.run_there("INSERT INTO public.a VALUES (1)");
    link.follow("ALTER TABLE public.a ADD COLUMN token uuid DEFAULT gen_random_uuid()");
    let invented: i64 = scalar(&mut link.replica(), "SELECT count(token) FROM public.a");
    assert_eq!(invented, 0, "a value that the source does not have");
    link.run_there("INSERT INTO public.a (id) VALUES (2)");
    let set: i64 = scalar(&mut link.replica(), "SELECT count(token) FROM public.a");
    assert_eq!(set, 1, "the default is in force");
    let said: String = scalar(
        &mut link.source(),
        "SELECT coalesce(negotiation::text, '') || coalesce(outcome::text, '') FROM accord.delivery ORDER BY version DESC LIMIT 1",
    );
    assert!(said.contains("the existing rows of table public.a hold no value"), "the verdict says that rows differ: {said}");
    link.assert_agreement();
}

#[test]
fn create_table_as_travels_as_structure() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int, b numeric(5, 2))");
    link.run("INSERT INTO public.a VALUES (1, 2.5)");
    link.follow("CREATE TABLE public.copy AS SELECT id, b * 2 AS c FROM public.a; SELECT * INTO public.other FROM public.a");
    let rows: i64 = scalar(&mut link.replica(), "SELECT (SELECT count(*) FROM public.copy) + (SELECT count(*) FROM public.other)");
    assert_eq!(rows, 0);
    link.assert_agreement();
}

#[test]
fn a_type_change_keeps_what_depends_on_it() {
    let link = Link::attached(Pair::shared());
    link.follow(
        "CREATE TABLE public.a (id int PRIMARY KEY, n int DEFAULT 3 CHECK (n > 0), g int GENERATED ALWAYS AS (id * 2) STORED);
         CREATE INDEX a_n ON public.a (n) WHERE n > 5",
    );
    link.run_there("INSERT INTO public.a (id, n) VALUES (1, 9)");
    link.follow("ALTER TABLE public.a ALTER COLUMN n TYPE bigint");
    let kept: i64 = scalar(&mut link.replica(), "SELECT n FROM public.a");
    assert_eq!(kept, 9);
    link.assert_agreement();
}

#[test]
fn a_renamed_column_keeps_its_content() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int, old text); CREATE VIEW public.v AS SELECT old FROM public.a");
    link.run_there("INSERT INTO public.a VALUES (1, 'kept')");
    link.follow("ALTER TABLE public.a RENAME COLUMN old TO new; ALTER TABLE public.a RENAME TO b");
    let kept: String = scalar(&mut link.replica(), "SELECT new FROM public.b");
    assert_eq!(kept, "kept");
    link.assert_agreement();
}

#[test]
fn attaching_and_detaching_partitions_keeps_rows() {
    let link = Link::attached(Pair::shared());
    link.follow(
        "CREATE TABLE public.m (at date NOT NULL, n int) PARTITION BY RANGE (at);
         CREATE TABLE public.m_1 PARTITION OF public.m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
         CREATE TABLE public.m_2 (n int, at date NOT NULL)",
    );
    link.run_there("INSERT INTO public.m VALUES ('2024-05-05', 1); INSERT INTO public.m_2 VALUES (2, '2025-05-05')");
    link.follow("ALTER TABLE public.m ATTACH PARTITION public.m_2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')");
    let rows: i64 = scalar(&mut link.replica(), "SELECT count(*) FROM public.m");
    assert_eq!(rows, 2);
    link.follow("ALTER TABLE public.m DETACH PARTITION public.m_1");
    let rows: i64 = scalar(&mut link.replica(), "SELECT (SELECT count(*) FROM public.m) * 10 + (SELECT count(*) FROM public.m_1)");
    assert_eq!(rows, 11);
    link.assert_agreement();
}

#[test]
fn a_new_enum_label_arrives_in_its_place() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TYPE public.size AS ENUM ('s', 'l'); CREATE TABLE public.a (s public.size)");
    link.run_there("INSERT INTO public.a VALUES ('l')");
    link.follow("ALTER TYPE public.size ADD VALUE 'm' BEFORE 'l'");
    link.follow("ALTER TYPE public.size RENAME VALUE 's' TO 'small'");
    let labels: String = scalar(&mut link.replica(), "SELECT array_to_string(enum_range(NULL::public.size), ',')");
    assert_eq!(labels, "small,m,l");
    link.assert_agreement();
}

#[test]
fn truncate_drop_and_create_in_one_transaction() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    link.follow("BEGIN; DROP TABLE public.a; CREATE TABLE public.a (id text); COMMIT");
    link.assert_agreement();
    link.follow("BEGIN; CREATE TABLE public.gone (id int); DROP TABLE public.gone; COMMIT");
    link.assert_agreement();
}

#[test]
fn an_identity_and_its_sequence() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b int)");
    link.follow("ALTER SEQUENCE public.a_id_seq RENAME TO a_number");
    link.assert_agreement();
    link.follow("ALTER TABLE public.a ALTER COLUMN id SET GENERATED BY DEFAULT SET INCREMENT BY 5");
    link.assert_agreement();
    link.follow("BEGIN; ALTER TABLE public.a RENAME TO c; ALTER SEQUENCE public.a_number RENAME TO c_number; ALTER TABLE public.c RENAME CONSTRAINT a_pkey TO c_pkey; COMMIT");
    link.assert_agreement();
    link.follow("ALTER TABLE public.c ALTER COLUMN id DROP IDENTITY; ALTER TABLE public.c ALTER COLUMN b SET NOT NULL, ALTER COLUMN b ADD GENERATED ALWAYS AS IDENTITY");
    link.assert_agreement();
}

/// A type change builds indexes anew, under OIDs that the ledger was not told: the rename after it is one all the same.
#[test]
fn an_index_that_was_rebuilt_is_renamed() {
    let link = Link::attached(Pair::shared());
    link.follow(
        "CREATE TABLE public.a (id int PRIMARY KEY, b int, c int); CREATE INDEX by_b ON public.a (b); CREATE STATISTICS of_both ON b, c FROM public.a;
         COMMENT ON INDEX public.by_b IS 'by b'",
    );
    link.follow("ALTER TABLE public.a ALTER COLUMN id TYPE bigint, ALTER COLUMN b TYPE bigint");
    let oids = "SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_class WHERE relname IN ('by_b', 'by_b2', 'a_pkey', 'a_key')";
    let before: String = scalar(&mut link.replica(), oids);
    link.follow("ALTER INDEX public.by_b RENAME TO by_b2; ALTER TABLE public.a RENAME CONSTRAINT a_pkey TO a_key; ALTER STATISTICS of_both RENAME TO of_two");
    assert_eq!(scalar::<String>(&mut link.replica(), oids), before, "renamed, not built anew");
    link.assert_agreement();
}
