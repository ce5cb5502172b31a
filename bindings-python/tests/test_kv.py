"""Key-value secrets: data comes back as it went in."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vaultcore

VALUES = [
    1.5e-300, -0.5, 2**53 + 1, ["a", 1, None], {"": ""}, {"a.b": 1}, "\t", "\u2028",
    None, True, False, 0, -1, 2**63, -(2**63), 2**64, 10**40, 0.1, 1e300, "", "a", "\U0001f600",
    "\x00", "\ud7ff", [], [1, [2, [3]]], {}, {"a": {"b": [None]}}, "x" * 10_000, " ", '"', "\n",
]
PATHS = ["CamelCase", "under_score", "@", "~", "a:b", "a;b", "(a)", "\u4e2d", "a=b", "a&b",
         "a", "a/b", "a/b/c", "with space", "%41", "a.b", "a-b_c", "\u00e4", "UPPER", "0", "+", "*",
         "a" * 200, "/".join("abcdefgh")]
WRONG = ["", "/", "a//b", "..", "a/../b", "\x00", "a\nb", "x" * 5000]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("version", [1, 2])
def test_values(shared, value, version):
    data = {"value": value, "\u00e4": [value]}
    path = f"values/{version}/{abs(hash(json.dumps(data)))}"
    if version == 2:
        shared.kv("secret").put(path, data)
        assert shared.kv("secret").get(path).data == data
    else:
        shared.kv_v1("one").put(path, data)
        assert shared.kv_v1("one").get(path) == data


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
@pytest.mark.parametrize("version", [1, 2])
def test_paths(shared, path, version):
    kv = shared.kv("secret") if version == 2 else shared.kv_v1("one")
    kv.put(f"paths/{path}", {"a": path})
    found = kv.get(f"paths/{path}")
    assert (found.data if version == 2 else found) == {"a": path}
    assert kv.list("paths")
    kv.delete(f"paths/{path}")
    with pytest.raises(vaultcore.NotFoundError):
        kv.get(f"paths/{path}")


@pytest.mark.parametrize("path", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("call", ["put", "get", "delete"])
@pytest.mark.parametrize("version", [1, 2])
def test_wrong_paths(shared, path, call, version):
    kv = shared.kv("secret") if version == 2 else shared.kv_v1("one")
    words = (path, {}) if call == "put" else (path,)
    with pytest.raises((vaultcore.InvalidArgumentError, vaultcore.TooLargeError)):
        getattr(kv, call)(*words)


# What is read in native code, what Python's module must read, and where both could differ.
TEXTS = [
    '{"b": 1, "a": [true, false, null, "x"], "b": {"c": []}, "": ""}',
    '{"a": 9223372036854775807, "b": 18446744073709551615, "c": -9223372036854775808}',
    '{"a": 18446744073709551616, "b": -9223372036854775809, "c": 1234567890123456789012345}',
    '{"a": 0, "b": -0, "c": -0.0, "d": 1E2, "e": 1e-7, "f": 0.1, "g": 123456789.123456789}',
    '{"a": "\\u00e4\\n\\/\\u0000\\ud83d\\ude00", "\\u0061": "second", "\u2028": "\U0001f600"}',
    ' \t\r\n{"a" : [ 1 , 2 ] } ',
    '{"a": ' + "[" * 30 + "]" * 30 + "}",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_texts_say_what_python_reads(shared, text):
    body = '{"data": ' + text + "}"
    assert shared.request("POST", "secret/data/text", body=body.encode()).status == 200
    assert repr(shared.kv("secret").get("text").data) == repr(json.loads(text))
    reply = shared.request("GET", "secret/data/text")
    assert repr(reply.body) == repr(json.loads(reply.content))


@pytest.mark.parametrize("value", [math.nan, math.inf, b"bytes", object(), {1, 2}])
def test_what_is_not_json(shared, value):
    with pytest.raises((TypeError, ValueError)):
        shared.kv("secret").put("x", {"a": value})


@pytest.mark.parametrize("data", [None, [], "text", b"{}", 5])
def test_data_is_a_dict(shared, data):
    with pytest.raises(TypeError):
        shared.kv("secret").put("x", data)


@pytest.mark.parametrize("cas", [-1, 2**64, "1", 1.5])
def test_wrong_cas(shared, cas):
    with pytest.raises((TypeError, OverflowError)):
        shared.kv("secret").put("x", {}, cas=cas)


def test_versions(kv):
    for number in range(1, 5):
        assert kv.put("a", {"n": number}, cas=number - 1) == number
    assert kv.get("a", version=2).data == {"n": 2}
    assert kv.patch("a", {"m": 1, "n": None}, cas=4) == 5
    assert kv.get("a").data == {"m": 1}
    kv.delete("a", versions=[2])
    assert kv.metadata("a")["versions"][2]["deletion_time"]
    with pytest.raises(vaultcore.NotFoundError):
        kv.get("a", version=2)
    kv.undelete("a", [2])
    assert kv.get("a", version=2).data == {"n": 2}
    kv.destroy("a", [2])
    assert kv.metadata("a")["versions"][2]["destroyed"]
    assert kv.rollback("a", 1, cas=5) == 6
    assert kv.get("a").data == {"n": 1}
    kv.delete_metadata("a")
    assert kv.list() == []


@pytest.mark.parametrize("expected,found", [(0, 1), (2, 1), (7, 1), (2**63, 1)])
def test_a_conflict_tells_both_versions(kv, expected, found):
    kv.put("a", {})
    with pytest.raises(vaultcore.ConflictError) as raised:
        kv.put("a", {}, cas=expected)
    assert (raised.value.expected, raised.value.found) == (expected, found)


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(NAMES, min_size=1, max_size=4), st.dictionaries(st.text(), st.text()))
def test_any_path_is_kept_or_refused(shared, parts, data):
    kv, path = shared.kv("secret"), "any/" + "/".join(parts)
    try:
        kv.put(path, data)
    except (vaultcore.InvalidArgumentError, vaultcore.TooLargeError):
        return
    assert kv.get(path).data == data


def test_import_all(kv):
    seen = []
    secrets = {f"app/{n}": {"n": n} for n in range(120)}
    assert kv.import_all(secrets, progress=seen.append) == 120
    assert seen == [50, 100, 120] and len(kv.list("app")) == 120
    assert kv.get("app/119").data == {"n": 119}
    assert kv.import_all({}) == 0


def test_import_all_of_large_secrets(kv):
    seen = []
    secrets = {f"large/{n:02}": {"n": "x" * 30_000} for n in range(60)}
    secrets["large/17"] = {"n": "y" * 600_000}  # larger than the rest of its transaction may be
    assert kv.import_all(secrets, progress=seen.append) == 60
    assert seen == [17, 18, 35, 52, 60] and len(kv.list("large")) == 60
    assert kv.get("large/17").data == secrets["large/17"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_import_all_is_stopped_by_what_the_callback_raises(kv, stop):
    def progress(done):
        raise stop

    with pytest.raises(stop):
        kv.import_all({f"app/{n}": {} for n in range(120)}, progress=progress)
    assert len(kv.list("app")) == 50


def test_import_all_takes_dicts_only(kv):
    with pytest.raises(TypeError):
        kv.import_all({"a": {}, "b": "text"})
    with pytest.raises(vaultcore.InvalidArgumentError):
        kv.import_all({"a": {}, "/": {}})
    assert kv.list() == []


def test_parse_env():
    text = b"# c\nexport A=1\nB=\"x\\ny\"\nC='$D'\n"
    assert list(vaultcore.parse_env(text).items()) == [("A", "1"), ("B", "x\ny"), ("C", "$D")]
    with pytest.raises(vaultcore.InvalidArgumentError):
        vaultcore.parse_env(b"no equals sign")
    with pytest.raises(TypeError):
        vaultcore.parse_env("text")


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True),
                       st.text(st.characters(exclude_characters="'\r\x00",
                                             exclude_categories=["Cs"]))))
def test_any_env(variables):
    text = "".join(f"{name}='{value}'\n" for name, value in variables.items())
    assert vaultcore.parse_env(text.encode()) == variables
