"""What terms a shop may give a voucher that it issues itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from loyalty.foundation import clock
from loyalty.foundation.call import Call
from loyalty.foundation.problems import FieldError, Problem
from loyalty.vouchers.models import GOODWILL, PURCHASED, STORED_VALUE
from loyalty.vouchers.terms import VoucherTerms

_WITH_AMOUNT = ("amount", STORED_VALUE)
_WITHOUT_AMOUNT = ("percent", "free_shipping")
_AS_GIVEN = (
    *("amount", "percent", "max_discount", "uses_per_member", "min_order", "skus", "categories"),
    *("starts_at", "metadata"),
)


class VoucherTermsRefused(Problem):
    """These terms do not go together."""

    code = "voucher_terms_refused"
    status = 422
    title = "A voucher cannot have these terms"
    about = (
        "Each kind of voucher has its own terms: `amount` and `stored_value` an amount, `percent` "
        "a percentage. Value that was bought is always `stored_value` and lives at least as long "
        "as the program's law table says. `errors` points at each term and says what would be "
        "right."
    )


class UseGestures(Problem):
    """Goodwill has caps."""

    code = "use_gestures"
    status = 422
    title = "This is given by a gesture"
    about = (
        "What people of the staff give, and every voucher of class `goodwill`, has caps. Give it "
        "by `POST /v1/gestures`, so that they hold. A key that is bound to an agent neither "
        "issues vouchers nor adds points in another way; a shop's own server key does."
    )


def refuse_agents(call: Call, what: str) -> None:
    """Raise UseGestures for a person of the staff, who gives within caps."""
    if call.agent is not None:
        raise UseGestures(
            f"This key is bound to the agent {call.agent!r}, who gives {what} by "
            "POST /v1/gestures, within the caps."
        )


def terms_for(
    given: Mapping[str, Any],
    *,
    terms: VoucherTerms,
    about: Mapping[str, Any],
    country: str | None,
    now: datetime,
) -> dict[str, Any]:
    """Return the terms for `issuing.issue` of what a caller asked for.

    `about` is the `[program]` of the document, `country` the customer's, for purchased value.
    Raises UseGestures, VoucherTermsRefused.
    """
    if given["class_"] == GOODWILL:
        raise UseGestures(
            "A voucher of class goodwill is given by POST /v1/gestures; here issue another class.",
            errors=[FieldError("/class", "must be promotional, reward or purchased")],
        )
    after = given.get("expires_after")
    expires_at = given.get("expires_at")
    if after is not None and expires_at is None:
        expires_at = clock.add(after, now, about["timezone"])
    errors = [
        *_of_kind(given),
        *_of_currency(given, about["currency"]),
        *_of_time(given, expires_at, now),
        *_of_purchase(given, expires_at, terms.min_life(country), now, about["timezone"]),
    ]
    if errors:
        faults = "; ".join(f"`{error.pointer[1:]}` {error.detail}" for error in errors)
        raise VoucherTermsRefused(f"The voucher cannot be issued: {faults}.", errors=errors)
    return {
        **{name: given.get(name) for name in _AS_GIVEN},
        "kind": given["kind"],
        "class_": given["class_"],
        "currency": about["currency"],
        "uses": given.get("uses") or 1,
        "expires_at": expires_at,
    }


def _of_kind(given: Mapping[str, Any]) -> Iterator[FieldError]:
    kind = given["kind"]
    has = {name for name, value in given.items() if value is not None}
    if kind in _WITH_AMOUNT and "amount" not in has:
        yield FieldError("/amount", f"is missing; a voucher of kind {kind} has an amount")
    if kind in _WITHOUT_AMOUNT and "amount" in has:
        yield FieldError("/amount", f"must be left out for a voucher of kind {kind}")
    if kind == "percent" and "percent" not in has:
        yield FieldError("/percent", "is missing; a voucher of kind percent has one")
    for name in ("percent", "max_discount"):
        if kind != "percent" and name in has:
            yield FieldError(f"/{name}", "must be left out: only a voucher of kind percent has it")
    if kind == STORED_VALUE and (given.get("uses") or 1) > 1:
        yield FieldError("/uses", "must be left out: stored value is spent until it is used up")
    if kind == STORED_VALUE and "uses_per_member" in has:
        yield FieldError("/uses_per_member", "must be left out for stored value")


def _of_currency(given: Mapping[str, Any], currency: str) -> Iterator[FieldError]:
    if given.get("currency") not in (None, currency):
        yield FieldError("/currency", f"must be {currency}, the program's currency")


def _of_time(
    given: Mapping[str, Any], expires_at: datetime | None, now: datetime
) -> Iterator[FieldError]:
    name = "/expires_at" if given.get("expires_after") is None else "/expires_after"
    if given.get("expires_at") is not None and given.get("expires_after") is not None:
        yield FieldError("/expires_after", "must be left out beside `expires_at`")
        return
    if expires_at is None:
        return
    if expires_at <= now:
        yield FieldError(name, "must lie in the future")
    elif given.get("starts_at") is not None and expires_at <= given["starts_at"]:
        yield FieldError(name, "must be later than `starts_at`")


def _of_purchase(
    given: Mapping[str, Any],
    expires_at: datetime | None,
    min_life: str,
    now: datetime,
    zone: str,
) -> Iterator[FieldError]:
    if given["class_"] != PURCHASED:
        return
    if given["kind"] != STORED_VALUE:
        yield FieldError("/kind", f"must be {STORED_VALUE}: what was bought is value")
    if expires_at is not None and expires_at < clock.add(min_life, now, zone):
        name = "/expires_at" if given.get("expires_after") is None else "/expires_after"
        detail = f"must be {min_life} from now or later: purchased value lives at least as long"
        yield FieldError(name, detail)
