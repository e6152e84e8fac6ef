"""Secrets planted in every channel of an exchange: none is in the file that is written."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfprm.recording.exchange import Body, Exchange
from sfprm.recording.file import as_text
from sfprm.recording.keep import words
from sfprm.recording.scan import scan_text
from sfprm.recording.scrub import scrubbed

_PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
_JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIzTVZHOSIsInN1YiI6ImFAYi5jIn0.c2lnbmF0dXJlLW9mLWl0"

SHAPED = {
    "session id": "00D5g000004abcD!AQEAQKx8Yz.q7T2mVbNcLpRsUwXy3Za4Bd5Ef6Gh7Ij8Kl9",
    "refresh token": "5Aep861TSESvWeug_ztRkjUVmp4qCVCRJfQ7pAzUVAGn",
    "JWT": _JWT,
    "private key": _PEM,
    "consumer key": "3MVG9lKcPoNINVBIPJjdw1J9LLM82HnFVVX19KY1uA5mu0",
    "consumer secret": "7A3F09B1D2C4E5860719AFBECD3421FE7A3F09B1D2C4E586",
    "auth URL": "force://PlatformCLI::5Aep861KEYKEYKEY@acme.my.salesforce.com",
    "cloud key": "AKIAIOSFODNN7EXAMPLE",
    "forge token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "chat token": "xoxb-263594206564-FGqddMF8t08v8N7Oq4i57vs1",
    "payment key": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "e-mail address": "maria.ferreira@alder-systems.pt",
    "username": "mferreira@alder-systems.pt.uat",
    "org host": "aldersystems--uat.sandbox.my.salesforce.com",
    "site address": "https://partners.aldersystems.pt/login",
    "network address": "85.243.117.204",
    "record id": "0035g00000AbCdEAAV",
    "short record id": "0035g00000AbCdE",
    "org id": "00D5g000004abcDEAQ",
}
"""Recognised by shape: safe even in a field that is kept."""

UNSHAPED = {
    "password": "Tr0ub4dor&3-xyz",
    "pass phrase": "korrekt pferd batterie",
    "session cookie": "sid=Zk81Lq; HttpOnly",
    "person": "Maria Ferreira-Köhler",
    "company": "Hidráulica Ferreira Lda",
    "street": "Rua das Gaivotas 17",
    "phone": "+351 912 345 678",
    "one-time code": "481516",
    "card": "4012 8888 8888 1881",
    "IBAN": "PT50 0002 0123 1234 5678 9015 4",
    "foreign script": "山田太郎",
    "key in words": "TopSecretAlpha9",
}
"""Only the list of what to keep protects them."""

KINDS = SHAPED | UNSHAPED


def archive(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        written.writestr("settings/Any.settings", f"<a><password>{text}</password></a>")
        written.writestr("notes.txt", text)
    return out.getvalue()


def channels(exchange: Any, secret: str) -> dict[str, Exchange]:
    """The secret in each place that an exchange has."""
    xml = secret.replace("&", "&amp;").replace("<", "&lt;")
    in64 = base64.b64encode(secret.encode()).decode()
    line = secret.replace("\n", " ")
    in_path = quote(secret, safe="")
    boundary = "multipart/form-data; boundary=XX"
    return {
        "authorization": exchange(headers={"authorization": f"Bearer {line}"}),
        "basic authorization": exchange(headers={"authorization": f"Basic {in64}"}),
        "header": exchange(headers={"x-api-key": line, "user-agent": line}),
        "cookie": exchange(headers={"cookie": f"sid={line}"}),
        "set-cookie": exchange(given_headers={"Set-Cookie": f"sid={line}", "X-Trace": line}),
        "path": exchange(path=f"/services/data/v66.0/sobjects/Lead/Key__c/{in_path}"),
        "query": exchange(query=(("token", secret), ("note", secret))),
        "SOQL": exchange(query=(("q", f"SELECT Id FROM Lead WHERE Name = '{line}'"),)),
        "form": exchange("POST", body=urlencode({"client_secret": secret, "x": secret}).encode(),
                         type_="application/x-www-form-urlencoded"),
        "JSON": exchange("POST", body=json.dumps({"Notes__c": secret}).encode()),
        "JSON answer": exchange(given=json.dumps({"access_token": secret, "any": secret}).encode()),
        "nested JSON": exchange(given=json.dumps({"a": [{"b": [[{"c": [secret]}]]}]}).encode()),
        "JSON in JSON": exchange(given=json.dumps({"a": json.dumps({"b": secret})}).encode()),
        "lone JSON": exchange(given=json.dumps(secret).encode()),
        "base64": exchange(given=json.dumps({"any": in64, "message": in64}).encode()),
        "CSV": exchange("POST", body=f'Name,Email\n"{line}","{line}"\n'.encode(), type_="text/csv"),
        "CSV answer": exchange(given=f'sf__Id,sf__Error\n,"bad: {line}"\n'.encode(),
                               given_type="text/csv"),
        "multipart": exchange(
            "POST",
            body=f'--XX\r\nContent-Disposition: form-data; name="note"; filename="{line}"\r\n\r\n'
            f"{secret}\r\n--XX--\r\n".encode(),
            type_=boundary,
        ),
        "SOAP": exchange(
            "POST",
            body=f'<e><sessionId>{xml}</sessionId><x note="{quote(secret)}">{xml}</x></e>'.encode(),
            type_="text/xml",
        ),
        "error text": exchange(status=400, given=json.dumps(
            [{"errorCode": "X", "message": f"cannot use {secret} here: '{secret}'"}]).encode()),
        "fault text": exchange(status=500, given_type="text/xml",
                               given=f"<f><faultstring>bad {xml}</faultstring></f>".encode()),
        "plain text": exchange(status=503, given=f"no {secret}".encode(), given_type="text/plain"),
        "page": exchange(given=f"<html><p>{secret}</html>".encode(), given_type="text/html"),
        "no JSON": exchange(given=f'{{"a": {secret}'.encode()),
        "zip": exchange("POST", body=archive(secret), type_="application/zip"),
        "zip in base64": exchange(
            given=json.dumps({"zipFile": base64.b64encode(archive(secret)).decode()}).encode()
        ),
        "bytes": exchange(given=b"\xff\xfe" + secret.encode(), given_type="image/png"),
        "location": exchange(given_headers={"Location": f"https://a.b/{quote(secret, safe='')}"}),
        "name of a field": exchange(given=json.dumps({f"my {secret}": 1}).encode()),
    }  # fmt: skip


def shown_in(secret: str, text: str) -> list[str]:
    """The forms of the secret that the text holds."""
    forms = {
        secret,
        secret.replace("\n", " "),
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode().rstrip("="),
        *(part for part in secret.split() if len(part) > 4 and part.lower() != "-----begin"),
    }
    return [form for form in forms if form in text and form not in ("PRIVATE", "KEY-----")]


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_in_any_channel(kind: str, exchange: Any, recording: Any) -> None:
    """31 kinds in 29 channels and the facts, each recorded alone: 0 leaks, nothing to scan."""
    secret = KINDS[kind]
    alone = [scrubbed(recording(one)) for one in channels(exchange, secret).values()]
    facts = scrubbed(recording(note=secret))
    text = as_text(facts.with_exchanges(tuple(one.exchanges[0] for one in alone)))
    assert shown_in(secret, text) == [], text
    assert scan_text(text) == [], text


def test_unscrubbed_they_all_show(exchange: Any, recording: Any) -> None:
    """The canary can sing: each channel shows its secret before it is scrubbed."""
    silent = [
        channel
        for channel, planted in channels(exchange, KINDS["pass phrase"]).items()
        if not shown_in(KINDS["pass phrase"], str(planted))
    ]
    assert silent == ["zip in base64", "bytes"]  # packed, and kept as a length alone


@pytest.mark.parametrize("kind", SHAPED)
def test_shapes_are_known_in_kept_fields_too(kind: str, exchange: Any, recording: Any) -> None:
    """A field of the list holds what it should not."""
    body = {
        "attributes": {"type": "Lead"},
        "Status": SHAPED[kind],
        "errorCode": f"x {SHAPED[kind]}",
    }
    text = as_text(scrubbed(recording(exchange(given=json.dumps(body).encode()))))
    assert shown_in(SHAPED[kind], text) == []
    assert scan_text(text) == []


@pytest.mark.parametrize("kind", [k for k in SHAPED if k not in ("record id", "short record id")])
def test_the_scanner_knows_the_shapes_by_itself(kind: str) -> None:
    """It shares no code with the scrubber; plain, percent-encoded and in base64."""
    secret = SHAPED[kind]
    assert scan_text(f"note: {secret}")
    assert scan_text(f"note: {quote(secret, safe='')}")
    assert scan_text(f"note: {base64.b64encode(secret.encode()).decode()}")


def test_a_secret_of_the_form_is_elided_everywhere(exchange: Any, recording: Any) -> None:
    """The client secret comes back in a kept field of a later answer."""
    secret = "orange-Boat-line"
    form = urlencode({"client_secret": secret}).encode()
    raw = recording(
        exchange(given=json.dumps({"Status": f"was {secret}"}).encode()),
        exchange("POST", body=form, type_="application/x-www-form-urlencoded"),
    )
    assert secret not in as_text(scrubbed(raw))


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=6, max_size=40).filter(lambda text: text.strip() == text))
def test_whatever_the_value_is(exchange: Any, recording: Any, value: str) -> None:
    """Any text, in a field that is not kept and in a message: it is not in the file."""
    body = json.dumps([{"Description": value, "message": f"cannot use {value}"}]).encode()
    told = scrubbed(recording(exchange(given=body))).exchanges[0].given.body.content[0]
    plain = all(word in words() for word in value.lower().split())
    assert value != told["Description"]
    assert value not in told["message"] or plain or not any(c.isalnum() for c in value)


@pytest.mark.parametrize("name", ["set-cookie", "Set-Cookie", "SET-COOKIE"])
def test_header_names_in_any_case(name: str, exchange: Any, recording: Any) -> None:
    """A filter that looked for `set-cookie` never fired on `Set-Cookie`."""
    raw = recording(exchange(given_headers={name: "sid=abc"}))
    assert "abc" not in as_text(scrubbed(raw))


def test_a_cookie_of_any_name(exchange: Any, recording: Any) -> None:
    """A list of cookies to remove missed one; nothing of cookies is kept."""
    raw = recording(exchange(headers={"Cookie": "a=1; __Secure-Unheard=tellme"}))
    assert "tellme" not in as_text(scrubbed(raw))


def test_forms_survive_equals_signs(exchange: Any, recording: Any) -> None:
    """A scrub of forms mangled bodies with `=` in a value."""
    fields = [("grant_type", "a=b=c"), ("scope", "x&y"), ("client_secret", "q==")]
    raw = recording(
        exchange("POST", body=urlencode(fields).encode(), type_="application/x-www-form-urlencoded")
    )
    assert scrubbed(raw).exchanges[0].sent.body == Body(
        "form", (("grant_type", "a=b=c"), ("scope", "x&y"), ("client_secret", "(elided)"))
    )
