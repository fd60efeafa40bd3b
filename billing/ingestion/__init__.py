"""Usage that did not pass the gateway: read, priced as of its time, recorded once, charged and counted like any other.

One noun or verb a file: `event` reads what somebody reports, `recording` is the verb, the others are its parts.
"""
