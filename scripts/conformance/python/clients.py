"""The SDKs, each behind the same two methods.

call takes an action and its parameters, named as on the wire, and returns the answer so; refusal reads what the SDK tells of an error.
"""

import importlib
import json
import re
from typing import NamedTuple, Optional

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import Config

ACCESS_KEY_ID = "testid"
REGION = "cn-hangzhou"


class Refusal(NamedTuple):
    status: int
    code: str
    message: str
    request_id: str
    retry_after: Optional[int] = None  # milliseconds


class Classic:
    """aliyun-python-sdk-core and -kms: signature V1."""

    name = "aliyun-python-sdk-kms"
    error = ServerException
    typed = False
    # The SDK says this where our string to sign is its own, to the byte.
    wrong_secret = "InvalidAccessKeySecret", "The AccessKeySecret is incorrect. Please check your AccessKeyId and AccessKeySecret."
    retry_after = None  # it reads no header

    def __init__(self, endpoint, secret):
        self.host, port = endpoint.split(":")
        self.client = AcsClient(ACCESS_KEY_ID, secret, REGION, port=int(port))

    def call(self, action, **parameters):
        request = self.request(action)
        request.set_endpoint(self.host)
        request.set_protocol_type("http")
        parameters.pop("RegionId", None)  # the SDK sends the client's own
        for name, value in parameters.items():
            plural = "s" if isinstance(value, list) else ""
            if isinstance(request, CommonRequest):
                request.add_query_param(name, value)
            else:
                getattr(request, f"set_{name}{plural}")(value)
        return json.loads(self.client.do_action_with_exception(request))

    def request(self, action):
        """The SDK's own request; its generic one for what is younger than the SDK, as BatchGetSecretValue is."""
        try:
            return getattr(importlib.import_module(f"aliyunsdkkms.request.v20160120.{action}Request"), f"{action}Request")()
        except ModuleNotFoundError:
            request = CommonRequest(domain=self.host, version="2016-01-20", action_name=action, product="Kms")
            request.set_method("POST")
            return request

    @staticmethod
    def refusal(error):
        return Refusal(error.get_http_status(), error.get_error_code(), error.get_error_msg(), error.get_request_id())


class Tea:
    """alibabacloud_kms20160120: signature V3, every header signed. Fields that its models lack do not arrive."""

    name = "alibabacloud_kms20160120"
    error = AlibabaCloudException
    typed = True
    wrong_secret = (
        "SignatureDoesNotMatch",
        r"^Specified signature does not match our calculation\. server StringToSign is \[ACS3-HMAC-SHA256\n[0-9a-f]{64}\]$",
    )
    retry_after = 100

    def __init__(self, endpoint, secret):
        self.client = Client(
            Config(access_key_id=ACCESS_KEY_ID, access_key_secret=secret, region_id=REGION, endpoint=endpoint, protocol="http")
        )

    def call(self, action, **parameters):
        method = getattr(self.client, re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower())
        model = getattr(models, f"{action}Request", None)  # some actions have no parameters
        answer = method(model().from_map(parameters)) if model else method()
        return answer.body.to_map()

    @staticmethod
    def refusal(error):
        told = re.fullmatch(r"code: (\d+), (.*) request id: (\S+)", error.message, re.DOTALL)
        status, message, request_id = told.groups()
        if (int(status), request_id) != (error.status_code, error.request_id):
            raise AssertionError(f"the parts of {error!r} disagree")
        retry_after = error.retry_after if isinstance(error, ThrottlingException) else None
        return Refusal(error.status_code, error.code, message, request_id, retry_after)
