"""What is read of any object that the API server sends."""

from oomreport.adapters.cluster.objects import resource_version


def test_an_object_without_a_version_has_an_empty_one():
    assert resource_version({"metadata": {"resourceVersion": "17"}}) == "17"
    assert resource_version({"metadata": {}}) == ""
