"""The doors of recovery: gestures, follow-ups and their page, and the contact contract."""

from loyalty.recovery.doors import contact, follow_ups
from loyalty.recovery.routes.gestures import gestures

__all__ = ["contact", "follow_ups", "gestures"]
