import sqlalchemy as sa


def test_both_databases_answer(store_url: str) -> None:
    """The store's tests run on SQLite and on a real PostgreSQL."""
    engine = sa.create_engine(store_url)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    engine.dispose()
