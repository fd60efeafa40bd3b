"""Makes the rate limiter of this process."""

from gateway.limiter.in_process import InProcessLimiter
from gateway.limiter.limiter import RateLimiter
from gateway.limiter.redis_limiter import RedisLimiter


def build(redis_url: str | None) -> RateLimiter:
    """In Redis when an address is given, so that several processes share the windows; otherwise in this process."""
    return RedisLimiter(redis_url) if redis_url else InProcessLimiter()
