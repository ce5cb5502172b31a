"""An exception for each kind."""

import pytest

import vaultcore


@pytest.mark.parametrize("kind", vaultcore.ERROR_KINDS)
def test_every_kind_has_its_exception(kind):
    error = getattr(vaultcore, f"{kind}Error")
    assert issubclass(error, vaultcore.VaultError) and error.kind == kind
    assert f"{kind}Error" in vaultcore.__all__
    assert error.__module__ == "vaultcore"


def test_there_are_no_others():
    errors = {name for name in vaultcore.__all__ if name.endswith("Error")} - {"VaultError"}
    assert errors == {f"{kind}Error" for kind in vaultcore.ERROR_KINDS}
    assert vaultcore.VaultError.kind is None


def test_errors_hold_no_secret(kv):
    kv.put("name-of-secret", {"x": "value-of-secret"})
    for call in (lambda: kv.get("name-of-secret", version=9), lambda: kv.get("other-name")):
        with pytest.raises(vaultcore.NotFoundError) as raised:
            call()
        assert "name" not in str(raised.value) and "value" not in str(raised.value)
