"""The door of rewards: what members can have for points, and having it."""

from __future__ import annotations

from typing import Any

from loyalty.access.guard import requires
from loyalty.foundation.web.api import Blueprint
from loyalty.foundation.web.calls import current_call
from loyalty.foundation.web.doors import idempotent, reads
from loyalty.ledger.kernel import InsufficientPoints
from loyalty.members.service import MemberNotFound
from loyalty.rewards import schemas, service

rewards = Blueprint(
    "rewards", __name__, url_prefix="/v1", description="What members can have for their points."
)


@rewards.route("/rewards", methods=["GET"])
@requires("balances:read")
@reads
@rewards.refuses(MemberNotFound)
@rewards.leads_to("redeem_reward", reward_id="$response.body#/data/0/id")
@rewards.arguments(schemas.RewardQuery, location="query")
@rewards.response(200, schemas.Rewards)
def list_rewards(query: dict[str, Any]) -> dict[str, Any]:
    """List the rewards, cheapest first; for a member with the points that are missing."""
    return {"data": service.list_rewards(current_call(), query["member"])}


@rewards.route("/rewards/<reward_id>/redeem", methods=["POST"])
@requires("reservations:write")
@idempotent
@rewards.refuses(MemberNotFound, service.RewardNotFound, InsufficientPoints)
@rewards.leads_to("get_voucher", code="$response.body#/voucher/code")
@rewards.arguments(schemas.Redeem)
@rewards.response(201, schemas.Redeemed)
def redeem_reward(given: dict[str, Any], reward_id: str) -> dict[str, Any]:
    """Turn points into a voucher that only this member can use, in one step."""
    return service.redeem_reward(current_call(), reward_id, **given)
