"""The stories of this slice: recording, previewing, refunding, cancelling, reopening, actions."""
