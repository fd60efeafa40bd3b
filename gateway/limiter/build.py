"""Makes the rate limiters of this process."""

from gateway.limiter.in_process import InProcessLimiter
from gateway.limiter.limiter import RateLimiter
from gateway.limiter.redis_limiter import RedisLimiter


def build(redis_url: str | None, name: str = "requests") -> RateLimiter:
    """In Redis when an address is given, so that several processes share the windows; otherwise in this process.

    What has another name is counted apart.
    """
    return RedisLimiter(redis_url, name=name) if redis_url else InProcessLimiter()
