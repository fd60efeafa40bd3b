import gzip

import pytest

from gateway import chat_request
from gateway.errors import ApiError


def test_a_compressed_body_is_told_what_to_do():
    with pytest.raises(ApiError) as refused:
        chat_request.parse(gzip.compress(b'{"model": "m", "messages": []}'))
    assert refused.value.status == 400
    assert "send it without Content-Encoding" in refused.value.message
