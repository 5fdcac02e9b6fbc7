"""What changed is said so that a person sees it."""

from infogap.runs.manifest import changes


def test_changes_name_the_key_and_both_values() -> None:
    assert changes({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}) == ["a.b: 1 -> 3"]
    assert changes({"a": 1}, {}) == ["a: 1 -> null"]


def test_long_lists_are_compared_item_by_item() -> None:
    long = [
        {"hint": {"fraction": 0.3}},
        "answer",
        "solution",
        "unguided",
        "decoy_answer",
        "decoy_solution",
        "irrelevant",
    ]
    assert changes({"p": long}, {"p": long[:-1]}) == ['p: without "irrelevant"']
    assert changes({"p": long}, {"p": [{"hint": {"fraction": 0.5}}, *long[1:]]}) == ["p[0].hint.fraction: 0.3 -> 0.5"]
    assert changes([1, 1], [1]) == [": 2 items -> 1 items"]
