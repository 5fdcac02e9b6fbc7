"""Names, tokens and addresses that the Hub cannot have are wrong input, before anything is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.publish.hub_client import hub_client
from infogap.publish.pull import pull
from infogap.recipe.publish_section import repository_problem

ODD = ("../x/y", "a/b/c", "a", "", "/", "a/..", "-a/b", "a/b.git", "a/b--c", "ä/b", "a/" + "b" * 97, "a\n/b", "a/b\n")


@pytest.mark.parametrize("repo", ODD)
def test_a_name_that_no_repository_has_is_refused(repo: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="repo '"):
        pull(repo, None, tmp_path / "to")


@given(repo=st.from_regex(r"[\w.ä-]{1,4}/[\w.-]{1,6}(\.git)?", fullmatch=True))
def test_what_is_accepted_is_accepted_by_the_client_too(repo: str) -> None:
    try:
        validate_repo_id(repo)
    except HFValidationError:
        assert repository_problem(repo) is not None
    else:
        assert repository_problem(repo) is None or not all(
            part[0].isalnum() and part[-1].isalnum() for part in repo.split("/")
        )


@pytest.mark.parametrize("token", ["hf_ünï", "hf_a b", "hf_\x1b", "hf_\udce4"])
def test_a_token_that_cannot_be_one_is_refused(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InputError, match="contains characters that are not allowed") as refused:
        hub_client()
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    "endpoint",
    ["nonsense", "http://", "http://[::1", "http://host:99999", "ftp://host", "http://ho st", "http://hö.st"],
)
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(InputError, match="not an address such as"):
        hub_client()


@pytest.mark.parametrize("version", ["1.0", "../..", "v" * 300, "\x00", "\udcff", "a b", "1.0.0?x=#", "1.0.0\n"])
def test_what_is_no_version_is_refused(version: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not of the form 1\.2\.3"):
        pull("org/name", version, tmp_path / "to")


def test_a_library_that_an_environment_variable_breaks_is_no_bug(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infogap", "pull", "org/name"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"HF_HUB_DOWNLOAD_TIMEOUT": "soon"},
    )  # fmt: skip
    assert done.returncode == 2 and "huggingface_hub cannot be imported" in done.stderr, done.stderr
