"""Near-duplicate questions are clustered, chains included."""

from infogap.dedupe.question_clusters import question_clusters


def test_chains_of_near_duplicates_are_one_cluster() -> None:
    words = [f"word{n}" for n in range(60)]
    chain = [" ".join(words[start : start + 40]) for start in range(0, 9, 3)]
    found = question_clusters(["quite another question", *chain, chain[0]])
    assert found.first.tolist() == [0, 1, 1, 1, 1]
