"""The pytest recipe as a user has it, in pytest: see test_recipe.py."""

import os
import threading

import pytest
from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config


def client(kms):
    return Client(Config(access_key_id=kms.access_key, access_key_secret="any", region_id="cn-hangzhou", endpoint=kms.endpoint, protocol="http"))


def pay(kms):
    """The code under test: it tries three times."""
    for attempt in range(3):
        try:
            return client(kms).generate_data_key(models.GenerateDataKeyRequest(key_id="alias/demo-aes-256")).body.ciphertext_blob
        except AlibabaCloudException:
            if attempt == 2:
                raise


def codes(kms):
    return [call["code"] for call in kms.calls(operation="GenerateDataKey")]


@pytest.mark.parametrize("turn", range(10))
def test_a_throttled_payment_is_tried_again(kms, turn):
    kms.fail_next("GenerateDataKey", "Rejected.Throttling")
    kms.fail_next("GenerateDataKey", "InternalFailure")
    assert pay(kms)
    assert codes(kms) == ["InternalFailure", "Rejected.Throttling", ""]  # the later fault is in front
    kms.fail_next("GenerateDataKey", "InternalFailure")
    kms.reset()
    pay(kms)
    assert codes(kms)[-1] == ""


def test_suites_do_not_meet_each_others_faults(kms):
    other = type(kms)(kms.endpoint, shared=True)
    other.fail_next("GenerateDataKey", "Rejected.Throttling")
    threads = [threading.Thread(target=pay, args=[suite]) for suite in (kms, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (codes(kms), codes(other)) == ([""], ["Rejected.Throttling", ""])
    other.reset()


def test_what_is_wrong_is_said(kms):
    with pytest.raises(AssertionError, match="did you mean GenerateDataKey"):
        kms.fail_next("GenerateDatakey", "InternalFailure")


@pytest.mark.skipif("ALIKMS_ENDPOINT" in os.environ, reason="a scenario is for all who share the alikms")
def test_a_scenario_is_loaded(kms, tmp_path):
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("keys: [{keyId: mine, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}]")
    kms.load(scenario)
    listed = client(kms).list_keys(models.ListKeysRequest()).body.keys.key
    assert [key.key_id for key in listed] == ["mine"]
