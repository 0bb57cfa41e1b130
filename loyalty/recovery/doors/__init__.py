"""The doors of the people's side of recovery: the contact contract, follow-ups and their page.

The slice's routes take the blueprints from here.
"""

from loyalty.recovery.doors.contact import contact
from loyalty.recovery.doors.follow_ups import follow_ups

__all__ = ["contact", "follow_ups"]
