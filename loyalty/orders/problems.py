"""What can be wrong with an order, a refund or an action."""

from __future__ import annotations

from loyalty.foundation.problems import Problem


class OrderNotFound(Problem):
    """No such order in this program."""

    code = "order_not_found"
    status = 404
    title = "There is no such order"
    about = "No order of this program has that id. Orders are known by the shop's own id."


class OrderConflict(Problem):
    """The id was used for another order."""

    code = "order_conflict"
    status = 409
    title = "Another order has this id"
    about = (
        "An order with the same id but other content was recorded before; it was left as it is. "
        "Send exactly the first body to repeat a call. To correct an order, refund or cancel it."
    )


class OrderCancelled(Problem):
    """A cancelled order takes no refunds."""

    code = "order_cancelled"
    status = 409
    title = "The order was cancelled"
    about = "Nothing is left of a cancelled order. Reopen it first if it was cancelled by mistake."


class OrderNotCancelled(Problem):
    """Only a cancelled order can be reopened."""

    code = "order_not_cancelled"
    status = 409
    title = "The order is not cancelled"
    about = "Reopening undoes a cancel; this order was never cancelled."


class CurrencyMismatch(Problem):
    """The order is in another currency than the program."""

    code = "currency_mismatch"
    status = 422
    title = "The order is in another currency"
    about = (
        "All amounts of a program are in its one currency. Convert the order before it is sent, or "
        "use a program of that currency."
    )


class RefundConflict(Problem):
    """The id was used for another refund of the order."""

    code = "refund_conflict"
    status = 409
    title = "Another refund of this order has this id"
    about = (
        "A refund with the same id but other content was recorded before; it was left as it is. "
        "Give each refund its own id."
    )


class RefundExceedsOrder(Problem):
    """More is refunded than is left."""

    code = "refund_exceeds_order"
    status = 422
    title = "The refund is larger than what is left of the order"
    about = (
        "The refunds of an order never add up to more than its total, nor those of a line to more "
        "than the line. `detail` says how much is left."
    )


class OrderInvalid(Problem):
    """The order contradicts itself."""

    code = "order_invalid"
    status = 422
    title = "The order does not add up"
    about = "Parts of the order contradict one another; `errors` says what would be right."


class UnknownAction(Problem):
    """The program gives nothing for this."""

    code = "unknown_action"
    status = 422
    title = "The program has no rule for this action"
    about = "Points for actions are given by rules of kind `action`; no rule names this type."


class ActionConflict(Problem):
    """The id was used for another action."""

    code = "action_conflict"
    status = 409
    title = "Another action has this id"
    about = "An action with the same id but other content was recorded before."
