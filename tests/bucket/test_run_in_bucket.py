"""A run in a bucket is the run of a folder, wherever it is continued."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bucket.stored_files import client, files, objects, results, small_recipe
from cli.in_process import infogap
from infogap.api.run import Run
from infogap.bucket import bucket_lock
from infogap.bucket.addresses import address_of, is_address, normal, working_copy
from infogap.bucket.bucket_lock import NAME, BucketLock
from infogap.bucket.file_states import FileStates
from infogap.bucket.object_store import ObjectStore
from infogap.bucket.stored_run import local_folder
from infogap.errors import InputError

Machine = Callable[[str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_recipe(tmp_path / "project").parent


def _run(folder: Path, address: str, *options: str) -> str:
    done = infogap("run", "r.yaml", "--run", address, *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_bucket_has_the_files_of_a_folder(folder: Path, bucket: str) -> None:
    _run(folder, f"s3://{bucket}/runs/small")
    _run(folder, "local")
    assert results(objects(bucket, "runs/small")) == results(files(folder / "local"))


def test_what_to_do_next_names_the_run_in_the_bucket(folder: Path, bucket: str) -> None:
    address = f"s3://{bucket}/runs/small"
    done = infogap("run", "r.yaml", "--run", address, cwd=folder)
    assert f"infogap show {address}" in done.stdout.splitlines()[-2]


def test_another_machine_has_nothing_left_to_do(folder: Path, bucket: str, machine: Machine) -> None:
    address = f"s3://{bucket}/runs/small"
    _run(folder, address)
    before = objects(bucket, "runs/small")
    machine("another")
    assert "everything is up to date" in _run(folder, address)
    assert objects(bucket, "runs/small") == before


def test_commands_take_the_address(folder: Path, bucket: str, machine: Machine) -> None:
    address = f"s3://{bucket}/runs/small"
    _run(folder, address)
    _run(folder, "local")
    machine("another")
    status = infogap("status", address, "--json", cwd=folder)
    assert status.stdout == infogap("status", "local", "--json", cwd=folder).stdout
    for command in (("show",), ("report",), ("publish",), ("measure", "--table"), ("verify",)):
        name, *options = command
        done = infogap(name, address, *options, cwd=folder)
        assert done.returncode == 0, done.stderr
    assert infogap("diff", address, "local", cwd=folder).returncode == 0
    assert infogap("report", "local", address, "--to", "both.html", cwd=folder).returncode == 0
    exported = infogap("export", address, "e.jsonl", "--format", "messages", cwd=folder)
    assert exported.returncode == 0, exported.stderr
    assert NAME not in objects(bucket, "runs/small")


def test_a_changed_recipe_replaces_what_it_changes(folder: Path, bucket: str, machine: Machine) -> None:
    _run(folder, f"s3://{bucket}/r")
    machine("another")
    _run(folder, f"s3://{bucket}/r", "--set", "balance.size=4", "--set", "publish.configs=[traces]")
    _run(folder, "local", "--set", "balance.size=4", "--set", "publish.configs=[traces]")
    assert results(objects(bucket, "r")) == results(files(folder / "local"))
    machine("machine")  # whose copy is of the former recipe
    assert "everything is up to date" in _run(
        folder, f"s3://{bucket}/r", "--set", "balance.size=4", "--set", "publish.configs=[traces]"
    )


def test_by_python(folder: Path, bucket: str, machine: Machine) -> None:
    address = f"s3://{bucket}/by/python"
    run = Run.create(folder / "r.yaml", address)
    run.update(quiet=True)
    machine("another")
    assert Run.open(address).table("verdicts").collect().equals(run.table("verdicts").collect())
    assert all(state.state == "done" for state in Run.open(address).status())


def test_what_was_not_uploaded_is_uploaded_by_the_next_command(folder: Path, bucket: str) -> None:
    address = f"s3://{bucket}/r"
    _run(folder, address)
    copy = working_copy(address)
    (copy / "measures" / "part-00000.parquet").unlink()  # a stage is to run again
    store = ObjectStore(address)
    left = BucketLock(store, FileStates.read(copy, address).copy)  # as a killed command leaves it
    left.acquire()
    left.go_ahead()
    _run(folder, address)
    assert results(objects(bucket, "r")) == results(files(copy))
    assert NAME not in objects(bucket, "r")


def test_a_copy_whose_run_went_on_elsewhere_is_set_aside(folder: Path, bucket: str, machine: Machine) -> None:
    address = f"s3://{bucket}/r"
    _run(folder, address)
    copy = working_copy(address)
    machine("another")
    _run(folder, address, "--set", "balance.size=4")
    machine("machine")
    (copy / "traces" / "journal-00007.jsonl").write_text("{}\n")
    said = _run(folder, address, "--set", "balance.size=4")
    aside = copy.with_name(f"{copy.name}.aside-1")
    assert f"1 file that this machine had not uploaded is now in {aside}" in " ".join(said.split())
    assert list(files(aside)) == ["traces/journal-00007.jsonl"]
    assert "everything is up to date" in said


def test_an_object_that_was_changed_is_left_out_and_made_again(folder: Path, bucket: str, machine: Machine) -> None:
    address = f"s3://{bucket}/r"
    _run(folder, address)
    before = objects(bucket, "r")
    name = "verdicts/part-00000.parquet"
    about = client().head_object(Bucket=bucket, Key=f"r/{name}")
    client().put_object(Bucket=bucket, Key=f"r/{name}", Body=before[name][:-9], Metadata=about["Metadata"])
    client().put_object(Bucket=bucket, Key="r/measures/part-00000.parquet", Body=before["measures/part-00000.parquet"])
    machine("another")
    said = " ".join(infogap("status", address, cwd=folder, columns=300).stderr.split())
    assert f"{address}/{name} is left out: its content is not what was uploaded" in said
    assert f"{address}/measures/part-00000.parquet is left out: it has no digest" in said
    said = _run(folder, address)
    assert "verify    again: verdicts/part-00000.parquet is missing" in said
    assert results(objects(bucket, "r")) == results(before)


# One writer


def test_two_at_once(folder: Path, bucket: str, machine: Machine) -> None:
    address = f"s3://{bucket}/r"
    _run(folder, address)
    with Run.open(address).folder.lock():
        machine("another")
        refused = infogap("run", "r.yaml", "--run", address, cwd=folder, columns=400)
        assert refused.returncode == 3
        assert refused.stderr.startswith(f"{address} is being written by infogap on ")
        assert refused.stderr.count("\n") == 1
        assert infogap("status", address, cwd=folder).returncode == 0  # reading waits for nobody
    assert "everything is up to date" in _run(folder, address)


def test_a_lost_machines_lock_is_taken_over(
    folder: Path, bucket: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"s3://{bucket}/r"
    with (
        pytest.raises(Exception, match="has been taken over by"),
        Run.create(folder / "r.yaml", address).folder.lock(),
    ):
        machine("another")
        monkeypatch.setattr(bucket_lock, "LEASE", 0.0)
        _run(folder, address)
        copy = working_copy(address)
        machine("machine")
        (working_copy(address) / "note.txt").write_text("of the machine that was lost")
    assert "note.txt" not in objects(bucket, "r")
    assert results(objects(bucket, "r")) == results(files(copy))


# One line each


def test_refusals(folder: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusal(address: str, *command: str) -> tuple[int, str]:
        done = infogap(*(command or ("run", "r.yaml", "--run")), address, cwd=folder, columns=400)
        assert done.stderr.count("\n") == 1, done.stderr
        return done.returncode, done.stderr

    address = f"s3://{bucket}/r"
    assert refusal("s3://no-such-bucket-here/r") == (
        2,
        "s3://no-such-bucket-here/r: there is no bucket 'no-such-bucket-here'\n",
    )
    assert refusal(f"s3://{bucket}")[0] == refusal("s3://Bad_Name/r")[0] == 2
    code, said = refusal("gs://bucket/r")
    assert (code, said.partition(":")[0]) == (2, "gs")
    code, said = refusal(address, "status")
    assert code == 2 and f"{address} is not a run folder" in said
    Run.create(folder / "r.yaml", folder / "local")
    for command in (("sweep", "r.yaml", "--run"), ("pull", "a/b", "--to"), ("publish", "local", "--to")):
        code, said = refusal(address, *command)
        assert code == 2 and "name a folder" in said, said
    with monkeypatch.context() as patch:
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        code, said = refusal(address)
        assert code == 2 and "there are no credentials in the environment" in said
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "obstore", None)
        assert refusal(address) == (2, f"{address} needs obstore: pip install 'infogap[s3]'\n")
    monkeypatch.setattr("infogap.bucket.object_store._RETRIES", {"max_retries": 0})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    code, said = refusal(address)
    assert code == 3 and f"{address} cannot be reached" in said and "<" not in said
    assert not (folder / "s3:").exists()


def test_addresses(tmp_path: Path) -> None:
    for written in ("s3://bucket/a/b", "s3:/bucket/a/b", "s3://bucket/a/b/", "s3://bucket//a/b"):
        assert is_address(written) and normal(written) == "s3://bucket/a/b"
    for other in ("runs/s3", "/s3:x", str(tmp_path), "C:x"):
        assert not is_address(other)
    for wrong in ("s3://bucket", "s3://bucket/", "s3:///a", "s3://bucket/../a", "s3://b/a", "https://bucket/a"):
        with pytest.raises(InputError):
            normal(wrong)
    assert working_copy("s3://bucket/a/b") != working_copy("s3://bucket/b")
    assert address_of(tmp_path) is None


def test_what_a_working_copy_has_lost_is_fetched_again(folder: Path, bucket: str) -> None:
    address = f"s3://{bucket}/r"
    _run(folder, address)
    before = objects(bucket, "r")
    for lost in ("traces", "recipe.yaml", ""):
        path = working_copy(address) / lost
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        assert "everything is up to date" in _run(folder, address)
        assert results(objects(bucket, "r")) == results(before)


def test_a_machine_that_was_lost_before_it_had_fetched_loses_nothing(
    folder: Path, bucket: str, machine: Machine
) -> None:
    address = f"s3://{bucket}/r"
    _run(folder, address)
    before = objects(bucket, "r")
    machine("another")
    copy = local_folder(address)
    shutil.rmtree(copy / "traces")
    state = FileStates.read(copy, address)
    state.files.clear()
    state.write()
    BucketLock(ObjectStore(address), state.copy).acquire()
    assert "everything is up to date" in _run(folder, address)
    assert results(objects(bucket, "r")) == results(before)
