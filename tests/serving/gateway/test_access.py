"""Who may come in, and how much they may use."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import stat
import time
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tfsocial.errors import InputError
from tfsocial.serving.gateway.access import keys
from tfsocial.serving.gateway.access.quotas import Quota, Quotas
from tfsocial.serving.gateway.problems import Problem

SECRET = b"0" * 64
ASK = {"texts": ["hello"]}
PATHS = [
    ("GET", "/v1/models"),
    ("POST", "/v1/classify"),
    ("POST", "/v1/embed"),
    ("POST", "/v1/similar"),
    ("GET", "/v2"),
    ("GET", "/v2/models/mood"),
    ("GET", "/v2/models/mood/ready"),
    ("POST", "/v2/models/mood/infer"),
    ("POST", "/v2/repository/index"),
    ("POST", "/v2/repository/models/mood/load"),
    ("POST", "/v2/repository/models/mood/unload"),
    ("POST", "/v1/models/mood:predict"),
    ("GET", "/v1/models/mood"),
    ("GET", "/v1/models/mood/metadata"),
    ("GET", "/nothing/here"),
]


# --- deny by default -----------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer tfs_000000000000_made-up"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Bearer "},
        {"X-API-Key": "tfs_"},
    ],
)
def test_nobody_comes_in_without_a_key(house, method, path, headers):
    """Not even to hear that there is nothing; the body is not read."""
    there = house()
    there.key()
    (response,) = there.ask((method, path, {"headers": headers}))
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert there.backend.batches == []


def test_every_route_is_among_those_tried(house):
    """A route that is added is denied too, or named here as public."""
    from starlette.routing import Route

    from tfsocial.serving.gateway.app import make_app
    from tfsocial.serving.gateway.dialects.asking import Asking
    from tfsocial.serving.gateway.guard import PUBLIC

    routes = make_app(Asking(house().gateway.calls)).routes
    patterns = [(route.methods, route.path_regex) for route in routes if isinstance(route, Route)]
    tried = {path for _, path in PATHS} | set(PUBLIC)
    tried |= {"/v2/models/mood/versions/7", "/v2/models/mood/versions/7/infer"}
    tried |= {"/v2/models/mood/versions/7/ready", "/v1/models/mood/versions/7:predict"}
    tried |= {"/v1/models/mood/versions/7", "/v1/models/mood/versions/7/metadata"}
    for _, pattern in patterns:
        assert any(pattern.match(path) for path in tried), pattern.pattern


def test_a_key_may_do_what_it_was_made_for(house):
    there = house()
    only = there.key(verbs=["embed"])
    assert there.post("/v1/embed", ASK, only).status_code == 200
    refused = there.post("/v1/classify", ASK, only)
    assert refused.status_code == 403
    assert "may not classify with model 'mood'" in refused.json()["detail"]
    assert there.post("/v1/embed", ASK, there.key(models=["other"])).status_code == 403


def test_x_api_key_is_a_key_too(house):
    there = house()
    key = there.key()["Authorization"].split()[1]
    assert there.post("/v1/classify", ASK, {"X-API-Key": key}).status_code == 200


def test_keys_come_and_go_without_a_restart(house):
    there = house()
    first = there.key()
    assert there.post("/v1/classify", ASK, first).status_code == 200
    second = there.key()
    assert there.post("/v1/classify", ASK, second).status_code == 200
    path = there.folder / "keys.jsonl"
    left = dict(list(keys.read(path).items())[1:])
    keys.write(path, left)
    assert there.post("/v1/classify", ASK, first).status_code == 401
    assert there.post("/v1/classify", ASK, second).status_code == 200


def test_a_broken_file_of_keys_leaves_the_keys_as_they_were(house):
    there = house()
    key = there.key()
    assert there.post("/v1/classify", ASK, key).status_code == 200
    path = there.folder / "keys.jsonl"
    path.write_text(path.read_text() + "{half a line")
    assert there.post("/v1/classify", ASK, key).status_code == 200


def test_a_key_ends(house):
    there = house()
    soon = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
    key = there.key(expires=soon)
    assert there.post("/v1/classify", ASK, key).status_code == 200
    time.sleep(0.6)
    assert there.post("/v1/classify", ASK, key).status_code == 401


# --- keys ----------------------------------------------------------------------------------


def test_what_is_kept_of_a_key_does_not_tell_it(tmp_path):
    path = tmp_path / "keys.jsonl"
    key, kept = keys.new(SECRET, "acme")
    keys.write(path, {kept.prefix: kept})
    random = key.split("_", 2)[2]
    assert len(random) >= 42  # 256 bits
    assert random[:8] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ring = keys.KeyRing(path, SECRET)
    assert ring.caller(key).tenant == "acme"
    assert ring.caller(key[:-1]) is None
    assert ring.caller(f"{key}x") is None
    assert keys.KeyRing(path, b"1" * 64).caller(key) is None  # the file alone is of no use


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "secret"
    first = keys.read_secret(path)
    assert keys.read_secret(path) == first
    assert len(first) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"short")
    with pytest.raises(InputError, match="has 5 bytes"):
        keys.read_secret(path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", ":1: is no key"),
        ('{"prefix": "a"}', ":1: is no key"),
        ('{"prefix": "a", "hash": "b", "tenant": "", "models": [], "verbs": []}', "no tenant"),
        (
            '{"prefix": "a", "hash": "b", "tenant": "t", "models": [], "verbs": ["fly"]}',
            "verb 'fly' is not known",
        ),
        (
            '{"prefix": "a", "hash": "b", "tenant": "t", "models": [], "verbs": [], '
            '"expires": "2027-01-01"}',
            "write 2027-01-31T00:00:00",
        ),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, says):
    path = tmp_path / "keys.jsonl"
    path.write_text(line)
    with pytest.raises(InputError, match=says):
        keys.read(path)


# --- signed tokens -------------------------------------------------------------------------

ISSUER = {"issuer": "https://id.example.com", "audience": "tfsocial"}


def claims(**more) -> dict:
    now = int(time.time())
    return {
        "iss": ISSUER["issuer"],
        "aud": ISSUER["audience"],
        "sub": "ann",
        "exp": now + 60,
        "scope": "openid mood:classify",
        **more,
    }


@pytest.fixture
def signed(house, tmp_path):
    """(gateway, key of the issuer, function that signs claims)."""
    key = ECKey.generate_key("P-256", {"kid": "1"})
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    there = house(
        access={
            "keys": tmp_path / "keys.jsonl",
            "secret": tmp_path / "secret",
            "tokens": {"jwks": str(path), **ISSUER},
        }
    )

    def sign(values: dict, by=key, algorithm: str = "ES256") -> dict[str, str]:
        header = {"alg": algorithm, "kid": "1"}
        token = jwt.encode(header, values, by, algorithms=[algorithm])
        return {"Authorization": f"Bearer {token}"}

    return there, key, sign


def test_a_token_is_as_good_as_a_key(signed):
    there, _, sign = signed
    assert there.post("/v1/classify", ASK, sign(claims())).status_code == 200
    assert there.seen[-1].tenant == "ann"
    assert there.post("/v1/embed", ASK, sign(claims())).status_code == 403


def by_hand(shared: bytes, values: dict) -> str:
    """A token by HMAC; no library signs one with a public key."""
    parts = ({"alg": "HS256", "kid": "1"}, values)
    text = b".".join(
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts
    )
    mark = base64.urlsafe_b64encode(hmac.digest(shared, text, "sha256")).rstrip(b"=")
    return (text + b"." + mark).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1},
        {"iss": "https://other.example.com"},
        {"aud": "other"},
        {"nbf": 4102444800},
    ],
)
def test_a_token_with_a_wrong_claim_is_none(signed, wrong):
    there, _, sign = signed
    assert there.post("/v1/classify", ASK, sign(claims(**wrong))).status_code == 401


def test_a_token_of_somebody_else_is_none(signed):
    """Another key, the public key as a shared secret, and no signature at all."""
    there, key, sign = signed
    other = ECKey.generate_key("P-256", {"kid": "1"})
    assert there.post("/v1/classify", ASK, sign(claims(), by=other)).status_code == 401
    forged = {"Authorization": f"Bearer {by_hand(key.as_pem(private=False), claims())}"}
    assert there.post("/v1/classify", ASK, forged).status_code == 401
    bare = sign(claims())["Authorization"].rpartition(".")[0] + "."
    assert there.post("/v1/classify", ASK, {"Authorization": bare}).status_code == 401


def test_a_key_that_the_issuer_publishes_later_is_taken_up(signed, tmp_path, monkeypatch):
    from tfsocial.serving.gateway.access import tokens

    there, key, sign = signed
    new = RSAKey.generate_key(2048, {"kid": "1"})
    headers = sign(claims(), by=new, algorithm="RS256")
    assert there.post("/v1/classify", ASK, headers).status_code == 401
    published = KeySet([key, new]).as_dict(private=False)
    (tmp_path / "jwks.json").write_text(json.dumps(published))
    monkeypatch.setattr(tokens, "AT_MOST", 0.0)
    published["keys"][0]["kid"] = "0"
    (tmp_path / "jwks.json").write_text(json.dumps(published))
    assert there.post("/v1/classify", ASK, headers).status_code == 200


# --- quotas --------------------------------------------------------------------------------


def test_a_quota_is_used_up_exactly(house):
    """Sixty tokens a minute, seven a call: eight calls, and four tokens are left over."""
    there = house(quotas={"default": {"tokens": 60}})
    key = there.key()
    body = {"texts": ["where is my card?"]}
    asked = ("POST", "/v1/classify", {"json": body, "headers": key})
    found = there.ask(*[asked] * 20)
    assert [one.status_code for one in found].count(200) == 8
    refused = next(one for one in found if one.status_code == 429)
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-policy"] == '"tokens";q=60;w=60'
    assert refused.headers["ratelimit"].startswith('"tokens";r=4;t=')
    assert "of 60 tokens a minute 4 are left" in refused.json()["detail"]
    assert len([text for batch in there.backend.batches for text in batch]) == 8


def test_a_tenant_has_a_quota_of_its_own(house):
    there = house(quotas={"default": {"tokens": 1}, "tenants": {"big": {"tokens": 1000}}})
    assert there.post("/v1/classify", ASK, there.key("big")).status_code == 200
    refused = there.post("/v1/classify", ASK, there.key("small"))
    assert refused.status_code == 429
    assert "send fewer at once" in refused.json()["detail"]
    assert "retry-after" not in refused.headers  # waiting would not help


def test_several_gateways_share_a_quota_in_redis(redis_address):
    """The real server: two processes' worth of counters, one quota."""
    quota = Quota(100, "hour")

    async def both() -> list:
        one, other = (Quotas(quota, {}, redis_address) for _ in range(2))
        used = [(one, other)[number % 2].use("acme", 7) for number in range(30)]
        return await asyncio.gather(*used, return_exceptions=True)

    found = asyncio.run(both())
    assert [one.kind for one in found if isinstance(one, Problem)] == ["quota"] * 16


def test_without_redis_nobody_is_let_through(unused_port):
    quotas = Quotas(Quota(100), {}, f"redis://127.0.0.1:{unused_port}")
    with pytest.raises(Problem, match="quotas cannot be read") as problem:
        asyncio.run(quotas.use("acme", 7))
    assert problem.value.status == 503
