"""Rows are the same wherever they lie: compressed, in several files, in folders, behind URLs."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pyarrow as pa
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from hub.server import Hub
from infogap.errors import ExternalError, InputError
from infogap.recipe.sources import FileTasks, RowSource
from infogap.rows.file_locations import find_places, matching
from infogap.rows.source_digests import content
from infogap.rows.source_rows import read_rows
from servers.serve import serve
from tasks.small_recipes import task_run, write_jsonl

ROWS: list[dict[str, Any]] = [{"question": f"What is {n} + ½?", "answer": str(n)} for n in range(5)]


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def packed(data: bytes, compression: str) -> bytes:
    if compression == ".gz":
        return gzip.compress(data[:40]) + gzip.compress(data[40:])  # members, as programs append them
    if compression == ".bz2":
        return bz2.compress(data)
    if compression == ".zst":
        return b"".join(bytes(pa.compress(part, codec="zstd", asbytes=True)) for part in (data[:40], data[40:]))
    return data


def read(base: Path, files: Any, **settings: Any) -> list[tuple[int, dict[str, Any]]]:
    source = RowSource.model_validate({"from": files} | settings)
    return list(read_rows(base, source, None))


@pytest.mark.parametrize("compression", ["", ".gz", ".bz2", ".zst", ".GZ"])
@pytest.mark.parametrize("kind", [".jsonl", ".json", ".csv", ".parquet"])
def test_compressed_files_are_read_as_what_they_hold(tmp_path: Path, kind: str, compression: str) -> None:
    plain = tmp_path / f"plain{kind}"
    if kind == ".parquet":
        pl.DataFrame(ROWS).write_parquet(plain)
    elif kind == ".csv":
        pl.DataFrame(ROWS).write_csv(plain)
    else:
        plain.write_bytes(lines(ROWS) if kind == ".jsonl" else json.dumps(ROWS).encode())
    (tmp_path / f"rows{kind}{compression}").write_bytes(packed(plain.read_bytes(), compression.lower()))
    assert [row for _, row in read(tmp_path, f"rows{kind}{compression}")] == ROWS


@pytest.mark.parametrize("compression", [".gz", ".bz2", ".zst"])
def test_a_file_that_is_cut_off_or_damaged_is_no_shorter_file(tmp_path: Path, compression: str) -> None:
    path = tmp_path / f"rows.jsonl{compression}"
    data = packed(lines(ROWS * 200), compression)
    for broken in (data[:-8], b"nonsense"):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=f"cannot read rows.jsonl{compression}"):
            read(tmp_path, path.name)


@pytest.mark.parametrize(
    "files",
    ["part-*.jsonl*", ["part-0.jsonl", "part-1.jsonl.gz"], "data", "da*/**/*", "data/", ["data/a", "data/b"]],
)
def test_several_files_are_one_source(tmp_path: Path, files: Any) -> None:
    (tmp_path / "part-0.jsonl").write_bytes(lines(ROWS[:2]))
    (tmp_path / "part-1.jsonl.gz").write_bytes(packed(lines(ROWS[2:]), ".gz"))
    for folder, rows, name in (("a", ROWS[:2], "x.jsonl"), ("b", ROWS[2:], "y.parquet")):
        (tmp_path / "data" / folder).mkdir(parents=True)
        data = tmp_path / "data" / folder / name
        if data.suffix == ".jsonl":
            data.write_bytes(lines(rows))
        else:
            pl.DataFrame(rows).write_parquet(data)
    assert read(tmp_path, files) == list(enumerate(ROWS, 1))


def test_a_folder_with_files_that_cannot_be_read_names_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.jsonl").write_bytes(lines(ROWS))
    (data / "README.txt").write_text("Rows.")
    assert len(read(tmp_path, "data")) == 5
    (data / "b.jsonl.xz").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"data: files of other kinds lie between its rows: data/b.jsonl.xz; name those"
    ):
        read(tmp_path, "data")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("no-*.jsonl", r"no file matches .*no-\*.jsonl"),
        ("part.jsonl.gz", r"there is no file .*part.jsonl.gz"),
        (["a.jsonl", "a.jsonl"], "it names a.jsonl twice"),
        (["a.jsonl", "org/name"], "org/name: a list names files"),
        ("a.jsonl.xz", r"unknown file type '.xz'.*each also with .gz, .bz2, .zst"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, files: Any, message: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(ROWS))
    (tmp_path / "a.jsonl.xz").write_bytes(b"")
    with pytest.raises(InputError, match=message):
        read(tmp_path, files)


def test_hidden_files_and_compressed_copies_are_not_read_beside_the_others(tmp_path: Path) -> None:
    inner = tmp_path / "in"
    inner.mkdir()
    for name in ("in/a.jsonl", "in/._a.jsonl", ".hidden.jsonl"):
        write_jsonl(tmp_path / name, [{"question": name}])
    assert [path.name for path in matching(tmp_path, "**/*.jsonl")] == ["a.jsonl"]
    assert [path.name for path in matching(tmp_path, ".hidden*")] == [".hidden.jsonl"]
    (inner / "a.jsonl.gz").write_bytes(gzip.compress((inner / "a.jsonl").read_bytes()))
    for files in ("in", "in/a*"):
        with pytest.raises(InputError, match=r"in/a.jsonl and in/a.jsonl.gz may be one file twice"):
            find_places(tmp_path, RowSource.model_validate({"from": files}))


def test_a_list_inside_an_object_is_named(tmp_path: Path) -> None:
    document = {"config": {"n": 1}, "results": ROWS, "more": {"items": ROWS[:1]}, "names": ["x"]}
    (tmp_path / "rows.json").write_text(json.dumps(document))
    assert [row for _, row in read(tmp_path, "rows.json", rows="results")] == ROWS
    assert [row for _, row in read(tmp_path, "rows.json", rows="more.items")] == ROWS[:1]
    with pytest.raises(
        InputError, match=r"lists of objects under `results` \(5\), `more.items` \(1\): name one, as `rows: "
    ):
        read(tmp_path, "rows.json")
    with pytest.raises(InputError, match=r"`rows: config` names an object, and not a list"):
        read(tmp_path, "rows.json", rows="config")


def test_what_tells_a_source_apart_follows_its_files(tmp_path: Path) -> None:
    def now() -> str:
        run = task_run(tmp_path, "  - {from: part-*.jsonl}")
        source = run.recipe.table_sources[0]
        assert isinstance(source, FileTasks)
        return str(content(run, source))

    (tmp_path / "part-0.jsonl").write_bytes(lines(ROWS))
    one = now()
    (tmp_path / "part-1.jsonl").write_bytes(lines(ROWS))
    two = now()
    (tmp_path / "part-1.jsonl").write_bytes(lines(ROWS[:1]))
    assert len({one, two, now()}) == 3


@pytest.mark.parametrize(
    ("files", "stem"),
    [
        ("a/rows.jsonl.gz", "rows"),
        ("part-*.jsonl", "part"),
        ("data/*.parquet", "data"),
        (["a.jsonl", "b.csv"], "a+b"),
        ("org/name-1.5", "name-1.5"),
        ("https://example.org/x/rows.jsonl?key=1", "rows"),
    ],
)
def test_a_source_is_called_by_its_files(files: Any, stem: str) -> None:
    assert RowSource.model_validate({"from": files}).stem == stem


@pytest.fixture
def web() -> Iterator[str]:
    async def rows(request: Any) -> Response:
        return Response(packed(lines(ROWS), ".gz"), media_type="application/octet-stream")

    with serve(Starlette(routes=[Route("/rows.jsonl.gz", rows)])) as url:
        yield url


def test_rows_behind_a_web_address(tmp_path: Path, web: str) -> None:
    assert read(tmp_path, f"{web}/rows.jsonl.gz") == list(enumerate(ROWS, 1))
    assert read(tmp_path, f"{web}/rows.jsonl.gz?download=true") == list(enumerate(ROWS, 1))
    with pytest.raises(InputError, match=r"cannot read .*/none.jsonl"):
        read(tmp_path, f"{web}/none.jsonl")
    with pytest.raises(InputError, match=r"unknown file type '.txt'"):
        read(tmp_path, f"{web}/rows.txt")
    with pytest.raises(ExternalError, match="run the same command again"):
        read(tmp_path, "http://127.0.0.1:9/rows.jsonl")


def test_patterns_and_folders_behind_a_url(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/a/part-0.jsonl", lines(ROWS[:2]))
    memory.pipe("/bucket/a/part-1.jsonl.zst", packed(lines(ROWS[2:]), ".zst"))
    for files in ("memory://bucket/a/part-*", "memory://bucket/a"):
        assert read(tmp_path, files) == list(enumerate(ROWS, 1))
    with pytest.raises(InputError, match="no file matches memory://bucket/b/"):
        read(tmp_path, "memory://bucket/b/*.jsonl")


def test_a_url_that_needs_more_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as if it was not installed
    with pytest.raises(InputError, match=r"s3://bucket/rows.jsonl: .*pip install 'infogap\[remote\]'"):
        read(tmp_path, "s3://bucket/rows.jsonl")


_READ = """
import json, sys
from pathlib import Path
from infogap.recipe.sources import RowSource
from infogap.rows.source_rows import read_rows
source = RowSource.model_validate({"from": sys.argv[1]})
print(json.dumps([row for _, row in read_rows(Path.cwd(), source, None)]))
"""


def test_files_of_the_hub(tmp_path: Path) -> None:
    hub = Hub()
    from huggingface_hub import HfApi

    with serve(hub.app) as url:
        api = HfApi(endpoint=url, token=hub.token)
        api.create_repo("org/rows", repo_type="dataset")
        for number, rows in enumerate((ROWS[:2], ROWS[2:])):
            api.upload_file(
                path_or_fileobj=packed(lines(rows), ".gz"),
                path_in_repo=f"data/part-{number}.jsonl.gz",
                repo_id="org/rows",
                repo_type="dataset",
            )
        environment = os.environ | {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
        command = [sys.executable, "-c", _READ, "hf://datasets/org/rows/data/part-*.jsonl.gz"]
        found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
    assert json.loads(found.stdout) == ROWS


def test_a_pipe_or_a_device_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "zeros.jsonl").symlink_to("/dev/zero")
    for name in ("pipe.jsonl", "zeros.jsonl", "/dev/zero"):
        with pytest.raises(InputError, match="is not a regular file, but a pipe or a device"):
            read(tmp_path, name)
