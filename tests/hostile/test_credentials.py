"""What each kind of credentials opens, and that it opens nothing else: tokens, modes, scopes."""

import pytest

from loyalty.access import guard
from loyalty.access import service as access
from loyalty.foundation import clock, db
from tests.hostile import cases, shops
from tests.support import make


class TestMemberTokens:
    """What a member's own token opens: that member's account, and nothing else."""

    OWN = ("", "/balance", "/entries", "/export", "/vouchers", "/referral")

    def test_it_opens_the_members_own_account(self, ours):
        me = bearer(ours, token(ours, "c-77-ours"))
        for part in self.OWN:
            assert me.get(f"/v1/members/c-77-ours{part}").status == 200

    @pytest.mark.parametrize("part", OWN)
    def test_anybody_else_is_not_there(self, ours, theirs, part):
        me = bearer(ours, token(ours, "c-77-ours"))
        answers = [
            me.get(f"/v1/members/{id}{part}") for id in ("c-78-ours", "c-77-theirs", "nobody", "..")
        ]

        assert {answer.status for answer in answers} == {404}
        assert len({cases.without_echo(answer, {}) for answer in answers}) == 1

    def test_the_same_id_in_another_shop_is_another_member(self, client):
        ours, theirs = shops.open_shop(client), shops.open_shop(client)
        me = bearer(ours, token(theirs, "c-77"))

        assert me.get("/v1/members/c-77")["id"] == theirs.api.get("/v1/members/c-77")["id"]

    def test_every_other_door_is_shut(self, app, ours):
        own = {("GET", f"/v1/members/<external_id>{part}") for part in self.OWN}
        me = shops.Shop(ours.program, bearer(ours, token(ours, "c-77-ours")), ours.names)
        before = cases.rows_of(app, ours)

        for tried in cases.EVERY:
            if (tried.method, tried.route) not in own:
                answer = cases.send(me, tried, ours.names, program={})
                assert (answer.status, answer["code"]) == (403, "forbidden"), tried
        assert cases.rows_of(app, ours) == before

    def test_an_expired_or_tampered_one_opens_nothing(self, ours):
        good = token(ours, "c-77-ours")
        hour_ago = clock.system_now() - access.TOKEN_LIFE
        member_id = ours.api.get("/v1/members/c-77-ours")["id"]
        expired = access.mint_token(
            program_id=ours.program.id, member_id=member_id, pepper=guard.secret_key(), now=hour_ago
        ).token
        forged = access.mint_token(
            program_id=ours.program.id, member_id=member_id, pepper="x" * 40, now=clock.system_now()
        ).token
        cut, changed = (
            good[:-1],
            [good[:n] + other(good[n]) + good[n + 1 :] for n in range(4, 60, 5)],
        )
        payload, _, signature = good.removeprefix("mtk_").rpartition(".")

        for wrong in [expired, forged, cut, *changed, f"mtk_{payload}", f"mtk_.{signature}"]:
            answer = bearer(ours, wrong).get("/v1/members/c-77-ours/balance")
            assert (answer.status, answer.body.get("code")) == (401, "unauthorized"), wrong

    def test_it_ends_with_its_member(self, ours):
        me = bearer(ours, token(ours, "c-77-ours"))
        ours.api.delete("/v1/members/c-77-ours")
        ours.api.put("/v1/members/c-77-ours", {})

        assert me.get("/v1/members/c-77-ours/balance").status == 401


class TestModes:
    """Keys say whether they are for a live program or a test one, and are held to it."""

    def test_a_key_does_not_become_another_by_its_first_letters(self, client):
        for mode, others in (("live", "test"), ("test", "live")):
            shop = shops.open_shop(client, mode=mode)
            changed = shop.api.credentials.replace(f"sk_{mode}_", f"sk_{others}_")

            assert bearer(shop, changed).get("/v1/program").status == 401

    def test_a_test_key_opens_no_live_program_even_if_it_was_made_for_it(self, client):
        shop = shops.open_shop(client, mode="live")
        with db.transaction():
            made = access.create_key(
                program_id=shop.program.id,
                mode="test",
                name="wrong",
                granted=["*"],
                agent=None,
                pepper=guard.secret_key(),
                now=clock.system_now(),
            )
        assert bearer(shop, made.secret).get("/v1/program").status == 401

    def test_a_live_program_has_no_test_clock(self, client):
        shop = shops.open_shop(client, mode="live")
        for answer in (
            shop.api.get("/v1/test_clock"),
            shop.api.put("/v1/test_clock", {"now": "2050-01-01T00:00:00Z"}),
        ):
            assert (answer.status, answer["code"]) == (403, "no_test_clock")

    def test_a_key_without_any_scope_of_use_is_let_in_nowhere(self, app, client, ours):
        narrow = make.api(client, make.key(ours.program, ["reports:read"]))
        before = cases.rows_of(app, ours)

        for tried in cases.EVERY:
            limited = shops.Shop(ours.program, narrow, ours.names)
            answer = cases.send(limited, tried, ours.names, program={})
            assert (answer.status, answer["code"]) == (403, "forbidden"), tried
        assert cases.rows_of(app, ours) == before


def token(shop, member):
    return shops.done(shop.api.post(f"/v1/members/{member}/token"))["token"]


def bearer(shop, credentials):
    return make.api(shop.api.client, credentials)


def other(letter):
    return "A" if letter != "A" else "B"
