"""Prove the books: recompute every charge, balance, window and sum from the raw events, and name what differs.

One noun a file. `books.verify` says the order; each check yields differences and changes nothing. What is kept in
memory grows with the number of grants, windows and sums of late usage, never with the number of requests.
"""
