"""hvac in process: `hvac.Client(adapter=vaultcore.hvac.Adapter(session))`, without a socket.

Requests of a client that has a token are those of its holder. Requests without one are those of
the session, the owner's included: give the adapter `vault.login(token)` where that is too much.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from hvac.adapters import JSONAdapter  # type: ignore[import-untyped, unused-ignore]
from requests.adapters import BaseAdapter

from ._native import Session

__all__ = ["Adapter"]


class _InProcess(BaseAdapter):
    """Answers what `requests` would send."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        url = urlsplit(request.url or "")
        body, headers = request.body, request.headers
        answer = self._session.request(
            request.method or "GET",
            unquote(url.path),
            body.encode() if isinstance(body, str) else body,
            token=_text(headers.get("X-Vault-Token")),
            wrap_ttl=_text(headers.get("X-Vault-Wrap-TTL")),
            namespace=_text(headers.get("X-Vault-Namespace")),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
        )
        response = requests.Response()
        response.status_code = answer.status
        response._content = answer.content
        response.headers["Content-Type"] = "application/json"
        response.encoding = "utf-8"
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        """Nothing was opened."""


def _text(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


class Adapter:
    """Takes the place of an hvac adapter class."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, **options: Any) -> JSONAdapter:
        transport = requests.Session()
        transport.trust_env = False
        transport.mount("http://", _InProcess(self._session))
        transport.mount("https://", _InProcess(self._session))
        options["session"] = transport
        return JSONAdapter(**options)
