"""The customer's page: one tap, once, without a script, and looking at it changes nothing."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from loyalty.recovery.follow_ups import links
from tests.recovery.followed import DAY, give, list_follow_ups, open_shop
from tests.support.money import NOON, instant

SECRET = "a-secret-that-only-tests-know-of"


@pytest.fixture
def shop(app):
    shop = open_shop(app)
    shop.enrol("ann", name="Ann Example", email="ann@example.org")
    yield shop
    shop.verify()


@pytest.fixture
def link(shop):
    give(shop, "ann", message_to_customer="We are <b>sorry</b>.\nReally.", note_internal="Angry.")
    [follow_up] = list_follow_ups(shop)
    return follow_up["link"].removeprefix("http://localhost")


def states(shop):
    return sorted(one["state"] for one in list_follow_ups(shop))


def test_the_page_asks_with_a_form_and_without_a_script(client, link):
    answer = client.get(link)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"<script|<style|style=|\son\w+=", answer.text)
    [style] = re.findall(r'<link rel="stylesheet" href="([^"]+)"', answer.text)
    with client.get(style) as styled:
        assert styled.status_code == 200


def test_the_page_shows_the_message_as_text_and_nothing_internal(client, link):
    page = client.get(link).text

    assert "We are &lt;b&gt;sorry&lt;/b&gt;." in page
    for secret in ("Angry.", "Ann Example", "ann@example.org"):
        assert secret not in page


def test_nothing_of_the_person_is_in_the_link(link):
    token = link.rsplit("/", 1)[1]

    told = links.read(token, SECRET)

    assert told.follow_up_id.startswith("fup_")
    assert len(token) < 255


def test_looking_at_it_changes_nothing(client, link, shop):
    for method in ("GET", "HEAD", "GET"):
        assert client.open(link, method=method).status_code == 200

    assert states(shop) == ["open"]


def test_one_tap_is_an_answer(client, link, shop):
    answer = client.post(link, data={"result": "satisfied", "satisfaction": "", "note": ""})

    assert answer.status_code == 200
    assert "Thank you" in answer.text
    [follow_up] = list_follow_ups(shop, "completed")
    assert (follow_up["result"], follow_up["completed_by"]) == ("satisfied", "customer")
    assert (follow_up["satisfaction"], follow_up["note"]) == (None, None)


def test_stars_and_a_comment_are_kept(client, link, shop):
    client.post(link, data={"result": "satisfied", "satisfaction": "4", "note": " Fine.\r\nBye "})

    [follow_up] = list_follow_ups(shop, "completed")
    assert (follow_up["satisfaction"], follow_up["note"]) == (4, "Fine.\nBye")


def test_a_second_answer_is_thanked_for_and_changes_nothing(client, link, shop):
    client.post(link, data={"result": "satisfied"})

    for answer in (client.post(link, data={"result": "unsatisfied"}), client.get(link)):
        assert answer.status_code == 200
        assert "Thank you" in answer.text
        assert "<form" not in answer.text
    assert [one["result"] for one in list_follow_ups(shop)] == ["satisfied"]


def test_who_is_not_satisfied_opens_the_case_again(client, link, shop):
    client.post(link, data={"result": "unsatisfied", "note": "Still broken."})

    assert states(shop) == ["completed", "due"]


def test_of_many_taps_at_once_one_counts(app, link, shop):
    def tap(number):
        result = "unsatisfied" if number % 2 else "satisfied"
        return app.test_client().post(link, data={"result": result}).status_code

    with ThreadPoolExecutor(8) as crowd:
        told = list(crowd.map(tap, range(16)))

    assert told == [200] * 16
    [done] = list_follow_ups(shop, "completed")
    assert len(list_follow_ups(shop, "due")) == (done["result"] == "unsatisfied")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"result": "no_answer"},
        {"result": "satisfied", "satisfaction": "6"},
        {"result": "satisfied", "satisfaction": "many"},
        {"result": "satisfied", "note": "x" * 2001},
        {"result": "satisfied", "note": "null \x00"},
    ],
)
def test_what_no_form_of_ours_sends_is_asked_again(client, link, shop, form):
    answer = client.post(link, data=form)

    assert answer.status_code == 422
    assert "could not be read" in answer.text
    assert states(shop) == ["open"]


def test_json_and_nonsense_are_no_answer(client, link, shop):
    for body in (b"{", b"\xff\xfe=\x00", b"result=" + b"\xed\xa0\x80"):
        assert client.post(link, data=body).status_code == 422
        kind = "application/x-www-form-urlencoded"
        assert client.post(link, data=body, content_type=kind).status_code == 422
    assert states(shop) == ["open"]


@pytest.mark.parametrize("form", ["{}x", "x{}", "x", "{}.{}"])
def test_a_link_that_was_not_signed_here_leads_nowhere(client, link, shop, form):
    token = link.rsplit("/", 1)[1]
    wrong = f"/follow-ups/{form.format(token, token)[:250]}"

    for answer in (client.get(wrong), client.post(wrong, data={"result": "satisfied"})):
        assert answer.status_code == 404
        assert "leads nowhere" in answer.text
    assert states(shop) == ["open"]


def test_a_link_ends_thirty_days_after_the_follow_up_was_due(client, link, shop):
    shop.set_clock(NOON + 32 * DAY)

    assert client.get(link).status_code == 404
    assert client.post(link, data={"result": "satisfied"}).status_code == 404
    [late] = list_follow_ups(shop, "due")
    fresh = late["link"].removeprefix("http://localhost")
    assert late["due_at"] == instant(NOON + 2 * DAY)
    assert client.get(fresh).status_code == 200


def test_the_link_of_somebody_who_was_erased_leads_nowhere(client, link, shop):
    shop.call("DELETE", "/v1/members/ann")

    assert client.get(link).status_code == 404
    assert client.post(link, data={"result": "unsatisfied"}).status_code == 404
    assert states(shop) == ["completed"]
