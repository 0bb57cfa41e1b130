"""Follow-ups: after each gesture somebody asks whether all is well again, and keeps the answer.

`open_for` is called by whoever gives a gesture, in the transaction of the gift.
"""

from loyalty.recovery.follow_ups.opening import open_for

__all__ = ["open_for"]
