"""AWS Signature Version 4, held against the examples of Amazon's own documentation and against botocore."""

from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Theirs

from foundation.s3 import Credentials, signature_headers

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
_DOCUMENTED = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
_AT = datetime(2013, 5, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "url", "headers", "body", "signature"),
    [
        (
            "GET",
            "https://examplebucket.s3.amazonaws.com/test.txt",
            {"range": "bytes=0-9"},
            b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "https://examplebucket.s3.amazonaws.com/test%24file.text",
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "https://examplebucket.s3.amazonaws.com/?lifecycle",
            {},
            b"",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
            {},
            b"",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_documented_examples(method, url, headers, body, signature):
    signed = signature_headers(method, url, headers, body, _DOCUMENTED, _AT)
    assert signed["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.example.com/bucket/a%20b/%E5%90%8D.csv",
        "http://127.0.0.1:9000/bucket/key?partNumber=12&uploadId=a%2Bb%2F%3D%3D",
        "https://s3.example.com:8443/bucket/key?uploads=",
    ],
)
def test_the_signature_is_botocores(url):
    ours = signature_headers("PUT", url, {"content-type": "text/csv"}, b"1,2\r\n", _DOCUMENTED, _AT)
    request = AWSRequest("PUT", url, headers={"content-type": "text/csv"}, data=b"1,2\r\n")
    request.context["timestamp"] = "20130524T000000Z"
    request.context["payload_signing_enabled"] = True
    request.headers["X-Amz-Date"] = "20130524T000000Z"
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    signer = S3SigV4Auth(Theirs(_DOCUMENTED.access_key_id, _DOCUMENTED.secret), "s3", "us-east-1")
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert ours["authorization"].endswith(f"Signature={expected}")
    assert _DOCUMENTED.secret not in "".join(ours.values())
