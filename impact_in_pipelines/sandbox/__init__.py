"""Runnable stand-ins for Benevity, Goodera, Workday, Slack and PagerDuty, with fault switches.

The sandbox keeps the wire contract of design section 6 from the platforms' side and counts what
it received and accepted. It imports nothing else of this package, so that it can't share a bug
with the connectors it tests. `server` runs it, `client` steers it, `control` is its HTTP
interface.
"""
