"""Settings: where they come from, what is refused, and that secrets stay hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfprm.errors import BadSettings
from sfprm.settings import load_settings


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    """Environment, then env file, then default."""
    env_file = tmp_path / "env"
    env_file.write_text("SFPRM_MAIL_SINK=file@example.com\nSFPRM_READ_TIMEOUT=7\n")
    settings = load_settings({"SFPRM_MAIL_SINK": "env@example.com"}, env_file)
    assert (settings.mail_sink, settings.read_timeout) == ("env@example.com", 7.0)


def test_an_option_of_the_command_wins_over_both(tmp_path: Path) -> None:
    """What is typed is what holds."""
    settings = load_settings({"SFPRM_STATE_DIR": "elsewhere"}, state_dir=tmp_path)
    assert settings.state_dir == tmp_path


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    """A typo is not silently a default."""
    with pytest.raises(BadSettings, match="unknown setting SFPRM_LOGN_URL") as refused:
        load_settings({"SFPRM_LOGN_URL": "x"})
    assert refused.value.hint == "Did you mean SFPRM_LOGIN_URL?"


def test_test_keys_are_let_through() -> None:
    """SFPRM_TEST_* belongs to the tests."""
    load_settings({"SFPRM_TEST_ANYTHING": "1"})


def test_a_wrong_value_names_its_source_and_not_itself() -> None:
    """One sentence, naming where it was set."""
    with pytest.raises(BadSettings, match=r"^the environment: SFPRM_READ_TIMEOUT: ") as refused:
        load_settings({"SFPRM_READ_TIMEOUT": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_secrets_are_masked() -> None:
    """Neither repr nor JSON shows a secret."""
    settings = load_settings({"SFPRM_CLIENT_SECRET": "hunter2"})
    assert "hunter2" not in repr(settings) + settings.model_dump_json()


def test_a_secret_may_stand_in_a_file_that_others_cannot_read(tmp_path: Path) -> None:
    """SFPRM_CLIENT_SECRET_FILE, mode 0600."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o600)
    settings = load_settings({"SFPRM_CLIENT_SECRET_FILE": str(secret)})
    assert settings.client_secret is not None
    assert settings.client_secret.get_secret_value() == "hunter2"
    secret.chmod(0o644)
    with pytest.raises(BadSettings, match="can be read by others"):
        load_settings({"SFPRM_CLIENT_SECRET_FILE": str(secret)})


def test_a_list_is_written_as_json() -> None:
    """And anything else is one sentence."""
    settings = load_settings({"SFPRM_MAIL_ALLOW": '["example.com"]'})
    assert settings.mail_allow == ("example.com",)
    with pytest.raises(BadSettings, match="SFPRM_MAIL_ALLOW is not a JSON list"):
        load_settings({"SFPRM_MAIL_ALLOW": "example.com"})


def test_a_missing_env_file_is_named(tmp_path: Path) -> None:
    """No silent fall back to defaults."""
    with pytest.raises(BadSettings, match="no such env file"):
        load_settings({}, tmp_path / "none")
