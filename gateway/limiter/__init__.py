"""How many requests a minute: a strict sliding window over organizations and keys.

Owns: the windows, in this process or in Redis, and the headers that tell a client about them.
Does not own: the limits themselves (they come with the principal), money limits (billing).
Called by: the gateway's completions. `build` makes the limiter of this process.
"""

from gateway.limiter.build import build
from gateway.limiter.limiter import RateLimiter, Slot

__all__ = ["RateLimiter", "Slot", "build"]
