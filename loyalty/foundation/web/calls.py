"""From the request being served to the `Call` that services work for."""

from __future__ import annotations

from loyalty.foundation import clock
from loyalty.foundation.call import Call
from loyalty.foundation.web import caller, context


def current_call() -> Call:
    """Return the call of the request being served; the time is the system's."""
    who = caller.current_caller()
    return Call(who.program_id, who.actor, context.request_id(), clock.system_now(), who.agent)
