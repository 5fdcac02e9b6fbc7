"""What must not leave the machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infogap.publish.made_from import stage_counts
from infogap.publish.redaction import public_label, public_recipe
from infogap.runs import manifest
from publish.small_run import RECIPE, Build


@pytest.mark.parametrize(
    ("written", "published"),
    [
        ("org/name", "org/name"),
        ("reasoning_gym/gcd", "reasoning_gym/gcd"),
        ("data/tasks.jsonl", "data/tasks.jsonl"),
        ("hf://datasets/org/name/file.parquet", "hf://datasets/org/name/file.parquet"),
        ("/home/somebody/tasks.jsonl", "tasks.jsonl"),
        ("/models/Teacher-8B/", "Teacher-8B"),
        ("~/tasks.jsonl", "tasks.jsonl"),
        ("../private/tasks.jsonl", "tasks.jsonl"),
        ("data/../../tasks.jsonl", "tasks.jsonl"),
        (r"C:\Users\somebody\tasks.jsonl", "tasks.jsonl"),
        (r"\\server\share\tasks.jsonl", "tasks.jsonl"),
        ("http://user:password@server.internal/tasks.jsonl", "tasks.jsonl"),
        ("s3://bucket/tasks.jsonl", "tasks.jsonl"),
        ("Qwen2.5..7B", "Qwen2.5..7B"),
    ],
)
def test_labels(written: str, published: str) -> None:
    assert public_label(written) == published


def test_recipe_keeps_what_determines_the_data_and_drops_where_it_ran(build: Build) -> None:
    published = public_recipe(build().recipe)
    assert published["tasks"][0]["from"] == "sums.jsonl"
    assert published["teacher"]["model"] == "Teacher-8B"
    assert published["teacher"]["sampling"]["temperature"] == 0.6
    assert not {"base_url", "api_key_env", "concurrency", "timeout"} & published["teacher"].keys()
    assert published["publish"]["version"] == "0.1.0"
    assert not {"repo", "private"} & published["publish"].keys()


def test_of_several_teachers_no_servers_and_keys_are_published(build: Build) -> None:
    one = public_recipe(build().recipe)["teacher"]
    start, end = RECIPE.index("    teacher:"), RECIPE.index("    generate:")
    indented = "".join(f"    {line}\n" for line in RECIPE[start:end].splitlines())
    several = (
        indented.replace("teacher:", "big:") + "        little: {backend: embedded, model: ../private/little.gguf}\n"
    )
    recipe = public_recipe(build(recipe=f"{RECIPE[:start]}    teachers:\n{several}{RECIPE[end:]}").recipe)
    assert recipe["teachers"]["big"] == one
    assert recipe["teachers"]["little"]["model"] == "little.gguf"
    assert "teacher" not in recipe
    for hidden in ("gpu-node", "PRIVATE_KEY", "base_url", "private/"):
        assert hidden not in str(recipe["teachers"])


def test_a_request_s_body_keeps_what_shapes_the_answer_and_not_who_asks(build: Build) -> None:
    body = (
        "{user: alice@corp, metadata: {team: secret}, auth_token: abc, priority: 3, "
        "chat_template_kwargs: {enable_thinking: false, effort: /low}, reasoning_effort: high, top_k: 5}"
    )
    recipe = RECIPE.replace("api_key_env: MY_PRIVATE_KEY", f"extra_body: {body}")
    published = public_recipe(build(recipe=recipe).recipe)["teacher"]["extra_body"]
    hidden = dict.fromkeys(("user", "metadata", "auth_token", "priority"), "(not published)")
    shaping = {"chat_template_kwargs": {"enable_thinking": False, "effort": "/low"}, "reasoning_effort": "high"}
    assert published == hidden | shaping | {"top_k": 5}


def test_texts_that_start_with_a_slash_are_not_paths(build: Build) -> None:
    recipe = """
        name: slash
        tasks: [{from: tasks.jsonl, strip_suffix: /no_think}]
        teacher: {backend: embedded}
        generate: {privileges: [unguided], instruction: /no_think answer now}
    """
    published = public_recipe(build(recipe=recipe).recipe)
    assert published["tasks"][0]["strip_suffix"] == ["/no_think"]
    assert published["generate"]["instruction"] == "/no_think answer now"


def test_neither_prices_nor_a_cluster_nor_the_engines_places_and_keys_are_published(build: Build) -> None:
    openai = "backend: openai\n      model: /models/Teacher-8B"
    ray = (
        "backend: ray\n      model: m\n      address: head.internal:6379\n      engine: {hf_token: hf_secret,"
        " max_model_len: 4096, master_addr: 10.0.0.1, download_dir: /home/somebody,"
        " tokenizer: /home/somebody/tok, quantization: awq}"
    )
    servers = "\n      base_url: [http://gpu-node-17.internal:8000/v1]\n      api_key_env: MY_PRIVATE_KEY"
    assert servers in RECIPE
    published = public_recipe(build(recipe=RECIPE.replace(openai, ray).replace(servers, "")).recipe)["teacher"]
    assert published["engine"] == {"max_model_len": 4096, "tokenizer": "tok", "quantization": "awq"}
    assert not {"address", "replicas", "gpus_per_replica"} & published.keys()
    priced = RECIPE.replace("sampling:", "price: {prompt: 1, completion: 2}\n      sampling:")
    assert "price" not in public_recipe(build(recipe=priced).recipe)["teacher"]


def test_of_a_scorer_no_servers_keys_and_paths_are_published(build: Build) -> None:
    servers = (
        "{backend: openai, model: /models/Student-1B, base_url: [http://gpu-node-17.internal:8000/v1],"
        " api_key_env: MY_PRIVATE_KEY, concurrency: 3,"
        " extra_body: {user: alice@corp, chat_template_kwargs: {enable_thinking: false}}}"
    )
    published = _scorer_of(build, servers)
    assert published == {
        "backend": "openai",
        "model": "Student-1B",
        "extra_body": {"user": "(not published)", "chat_template_kwargs": {"enable_thinking": False}},
    }
    engine = "{backend: vllm, model: Qwen/Qwen3-0.6B, engine: {hf_token: hf_secret, max_model_len: 4096}}"
    assert _scorer_of(build, engine)["engine"] == {"max_model_len": 4096}
    assert _scorer_of(build, "../private/student.gguf") == "student.gguf"
    assert _scorer_of(build, "teacher") == "teacher"


def _scorer_of(build: Build, scorer: str) -> Any:
    recipe = f"{RECIPE}    measure: {{gap: {{scorer: {scorer}}}}}\n"
    return public_recipe(build(recipe=recipe).recipe)["measure"]["gap"]["scorer"]


def test_counts_of_files_with_one_name_are_told_apart(build: Build) -> None:
    run = build()
    made = run.manifest("tasks")
    assert made is not None
    folders = ("/home/a/rows.jsonl", "/home/b/rows.jsonl", "/home/b/rows.jsonl", "rows.parquet")
    counts = {"sources": [{"source": folder, "tasks": number} for number, folder in enumerate(folders, 5)]}
    manifest.write(run.manifest_path("tasks"), replace(made, counts=counts))
    assert stage_counts(run)["tasks"] == {
        "sources rows.jsonl: tasks": 5,
        "sources rows.jsonl (2): tasks": 6,
        "sources rows.jsonl (3): tasks": 7,
        "sources rows.parquet: tasks": 8,
    }
