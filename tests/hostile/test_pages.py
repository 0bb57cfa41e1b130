"""The pages beside the API: problems lead to theirs, and none needs anything from elsewhere."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from loyalty.foundation import problems
from tests.hostile import contract

contract.application()  # all slices enter their problems
CODES = sorted(problems.catalogue())
PAGES = ["/docs", "/problems", *(f"/problems/{code}" for code in CODES)]
STRICT = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
LOADS = {"src", "srcset", "data", "poster", "action", "formaction", "background", "ping"}


class Page(HTMLParser):
    """What a page loads, where it leads, what it says, and whether there is any script or style."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.links, self.ids, self.own, self.said = [], [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids.add(given.get("id"))
        if tag == "a":
            self.links.append(given["href"])
        elif "href" in given:
            self.loaded.append(given["href"])
        self.loaded += [given[name] for name in LOADS & set(given)]
        if tag in {"script", "style", "iframe", "object", "form", "base"}:
            self.own.append(tag)
        self.own += [name for name in given if name == "style" or name.startswith("on")]

    def handle_data(self, data):
        self.said.append(data)


@pytest.fixture
def get():
    return contract.application().test_client().get


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_nothing_from_elsewhere(get, path):
    answer = get(path)
    page = Page(answer.text)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == STRICT
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert page.own == []
    assert page.loaded
    for address in page.loaded:
        assert is_local(address), address
        with get(address) as loaded:
            assert loaded.status_code == 200
            assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", loaded.text)


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_leads_somewhere(get, path):
    page = Page(get(path).text)

    for link in page.links:
        assert is_local(link), link
        there, _, anchor = link.partition("#")
        if there:
            with get(there) as answer:
                assert answer.status_code == 200, link
        elif anchor:
            assert anchor in page.ids, link


@pytest.mark.parametrize("code", CODES)
def test_the_page_of_a_problem_tells_what_it_is(get, code):
    kind = problems.catalogue()[code]
    said = " ".join(" ".join(Page(get(f"/problems/{code}").text).said).split())

    assert kind.title in said
    assert code in said
    assert str(kind.status) in said
    assert re.fullmatch(r"[a-z][a-z0-9_]*", code)
    assert 400 <= kind.status < 600


def test_the_type_of_every_refusal_leads_to_its_page(get, shop):
    refusals = [
        *(shop.api.get(path) for path in ("/v1/nothing", "/nothing", "/v1/members/nobody")),
        shop.api.get("/v1/members", limit="0"),
        shop.api.post("/v1/members"),
        shop.api.post("/v1/orders", data := {"id": 5}),
        shop.api.put("/v1/program", data),
        shop.api.post("/v1/members/c-77/transfers", data),
        client_without_key(shop).get("/v1/members"),
        shop.api.post("/v1/orders/nothing/cancel"),
    ]
    for refusal in refusals:
        address = urlsplit(refusal["type"])
        assert f"{address.scheme}://{address.netloc}" == "http://localhost"
        assert refusal["code"] in get(address.path).text


def test_the_type_of_every_documented_problem_leads_to_its_page(get):
    types = set(re.findall(r"http://localhost/problems/[^\"]+", get("/openapi.json").text))

    assert len(types) > 30
    assert {get(urlsplit(each).path).status_code for each in types} == {200}


def test_a_problem_that_does_not_exist_has_no_page(get):
    for code in ("nothing", "NOT_FOUND", "not_found/", "../docs", "<script>", "%00", "x" * 5000):
        assert get(f"/problems/{code}").status_code == 404


def test_the_page_of_the_api_shows_every_operation(get):
    page = Page(get("/docs").text)
    said = " ".join("".join(page.said).split())

    for operation in contract.operations():
        assert operation.id in page.ids
        assert operation.described["summary"].removesuffix(".").replace("`", "") in said


def is_local(address):
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc


def client_without_key(shop):
    return type(shop.api)(shop.api.client, None)
