"""What statements are called in spans and metrics."""

import pytest

from aiops_common.postgres.statements import Statement, described


@pytest.mark.parametrize(
    ("query", "title", "collection"),
    [
        ("INSERT INTO orders (id) VALUES ($1)", "INSERT orders", "orders"),
        ("SELECT id FROM api_keys WHERE id = $1 FOR UPDATE SKIP LOCKED", "SELECT api_keys", "api_keys"),
        ("SELECT t.id FROM tokens t JOIN families AS f ON f.id = t.f FOR UPDATE OF t", "SELECT tokens families", None),
        ("UPDATE outbox SET a = 1 WHERE id IN (SELECT id FROM outbox FOR UPDATE)", "UPDATE outbox", "outbox"),
        ("  delete from ONLY inbox\n WHERE id = 1", "DELETE inbox", "inbox"),
        ("INSERT INTO k (id) SELECT 1 ON CONFLICT (id) DO UPDATE SET id = 2", "INSERT k", "k"),
        (
            """
            WITH claimed AS (INSERT INTO inbox (id) SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING),
            saved AS (INSERT INTO orders SELECT * FROM claimed), old AS (DELETE FROM given_up WHERE id = $2)
            SELECT id FROM claimed
            """,
            "INSERT inbox orders DELETE given_up",
            None,
        ),
        (
            "WITH a AS (SELECT 1 FROM orders), b (x) AS MATERIALIZED (SELECT 2) SELECT * FROM a, b",
            "SELECT orders",
            "orders",
        ),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "SELECT", None),
        ("SELECT pg_notify('INSERT INTO secrets', '')", "SELECT pg_notify", None),
        ("SELECT * FROM unnest($1::uuid[]) AS u (id)", "SELECT", None),
        (
            "SELECT 1 FROM orders -- UPDATE nothing\n/* DELETE FROM nothing */ WHERE a = 'it''s FROM here'",
            "SELECT orders",
            "orders",
        ),
        ("SELECT * FROM orders_history.versions", "SELECT orders_history.versions", "orders_history.versions"),
        ("SELECT extract(epoch FROM created_at) FROM orders WHERE a IS DISTINCT FROM b", "SELECT orders", "orders"),
        (r"SELECT 1 FROM orders WHERE a = E'it\'s FROM bob' AND b = $$ FROM evil $$", "SELECT orders", "orders"),
        ("COMMIT;", "COMMIT", None),
        ("ROLLBACK;", "ROLLBACK", None),
        ("VACUUM", "OTHER", None),
        ("", "OTHER", None),
    ],
)
def test_a_statement_is_called_by_what_it_writes_or_else_reads(query: str, title: str, collection: str | None) -> None:
    assert described(query) == Statement(title, title.partition(" ")[0], collection)


@pytest.mark.parametrize(
    "query", ["BEGIN;", "begin isolation level serializable", "SAVEPOINT a", "RELEASE SAVEPOINT a;"]
)
def test_what_only_frames_others_is_not_told(query: str) -> None:
    assert described(query) is None


def test_a_title_is_short_and_the_same_tables_stand_in_it_once() -> None:
    query = " ".join(f"SELECT * FROM table_{number % 10};" for number in range(100))
    found = described(query)
    assert found is not None
    assert found.title == "SELECT table_0 table_1 table_2 table_3 table_4 table_5"
