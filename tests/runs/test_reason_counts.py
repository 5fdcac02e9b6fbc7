"""How a note counts the reasons of many traces."""

from infogap.runs.stage import ReasonCounts


def test_numbers_stand_in_a_note_if_they_are_the_same_in_all_traces() -> None:
    reasons = ReasonCounts()
    for reason in [
        "no majority of 3 votes",
        "no majority of 3 votes",
        "answer of 2,345 characters",
        "answer of 9,000 characters",
    ]:
        reasons.add(reason)
    assert reasons.total == 4
    assert reasons.commonest == "2 no majority of 3 votes; 2 answer of N characters"
