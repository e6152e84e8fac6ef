"""The org's own certificate authority, kept in the state directory so that clients may go on
trusting it after a restart."""

from __future__ import annotations

from pathlib import Path

import trustme

__all__ = ["make_certificates"]


def make_certificates(state_dir: Path, host: str) -> tuple[Path, Path]:
    """(ca.pem, server.pem with its key). The authority is made once; its key has mode 600."""
    ca_path, key_path = state_dir / "ca.pem", state_dir / "ca-key.pem"
    if ca_path.exists() and key_path.exists():
        authority = trustme.CA.from_pem(ca_path.read_bytes(), key_path.read_bytes())
    else:
        authority = trustme.CA(organization_name="sfprm embedded org")
        key_path.touch(mode=0o600)
        authority.private_key_pem.write_to_path(key_path)
        authority.cert_pem.write_to_path(ca_path)
    names = dict.fromkeys(["127.0.0.1", "localhost", "::1", "*.orgs.localhost", host])
    leaf = authority.issue_cert(*(name for name in names if name not in {"0.0.0.0", "::"}))  # noqa: S104
    server_path = state_dir / "server.pem"
    server_path.touch(mode=0o600)
    leaf.private_key_and_cert_chain_pem.write_to_path(server_path)
    return ca_path, server_path
