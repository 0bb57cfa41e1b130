"""A process is alive without its database, and ready only with one at the right version."""

from alembic import command
from sqlalchemy import create_engine, text


def test_a_process_is_alive_without_a_database(make_web, tmp_path):
    away = make_web(database_url=f"sqlite:///{tmp_path}/nowhere/loyalty.db").test_client()

    assert away.get("/healthz").json == {"status": "ok"}
    assert away.get("/readyz").json["detail"] == "The database cannot be reached."


def test_a_database_at_the_latest_version_is_ready(make_web):
    web = make_web()
    with web.app_context():
        command.upgrade(web.extensions["migrate"].migrate.get_config(), "head")

    answer = web.test_client().get("/readyz")

    assert answer.status_code == 200
    assert answer.json == {"status": "ready"}


def test_a_database_at_another_version_is_not_ready(make_web, tmp_path):
    url = f"sqlite:///{tmp_path}/old.db"
    with create_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('older')"))

    answer = make_web(database_url=url).test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json["code"] == "not_ready"
    assert "run `flask loyalty migrate`" in answer.json["detail"]
