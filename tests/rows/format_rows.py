"""A row of every named format, with the fields that it gives of a task or a trace."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from typing import Any

R1_MARKS = (
    "<|begin_of_thought|>\n\nThree and four.\n\n<|end_of_thought|>\n\n"
    "<|begin_of_solution|>\n\n\\boxed{7}\n\n<|end_of_solution|>"
)
_CHECK = "def check(candidate):\n    assert candidate(2) == 4\n"
_DOUBLE = 'def double(x: int) -> int:\n    """Return twice x."""\n'
_TWICE = "class Solution:\n    def double(self, x: int) -> int:\n        "
TASK_ROWS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "gsm8k": (
        "train.jsonl",
        {"question": "Three pens and four pens?", "answer": "3 + 4 = <<3+4=7>>7 pens.\n#### 7"},
        {"question": "Three pens and four pens?", "answer": "7", "solution": "3 + 4 = <<3+4=7>>7 pens.\n#### 7"},
    ),
    "humaneval": (
        "HumanEval.jsonl",
        {
            "task_id": "Made/0",
            "prompt": _DOUBLE,
            "canonical_solution": "    return 2 * x\n",
            "entry_point": "double",
            "test": _CHECK,
        },
        {
            "question": f"Complete this Python function:\n\n```python\n{_DOUBLE.strip()}\n```",
            "answer": json.dumps(
                {"entry_point": "double", "starter": _DOUBLE.strip(), "tests": f"{_CHECK.strip()}\n\ncheck(double)"}
            ),
            "solution": f"{_DOUBLE}    return 2 * x",
            "verifier": "code",
        },
    ),
    "mbpp": (
        "mbpp.jsonl",
        {
            "task_id": 1,
            "text": "Write a function to double a number.",
            "code": "def double(x):\r\n    return 2 * x",
            "test_list": ["assert double(2) == 4", "assert double(0) == 0"],
            "test_setup_code": "",
            "challenge_test_list": [],
        },
        {
            "question": "Write a function to double a number.\n\n"
            "Your code has to pass this test:\n\nassert double(2) == 4",
            "answer": json.dumps({"tests": "assert double(2) == 4\nassert double(0) == 0"}),
            "verifier": "code",
        },
    ),
    "mbpp_sanitized": (
        "sanitized-mbpp.json",
        {
            "source_file": "made",
            "task_id": 2,
            "prompt": "Write a function to take a third.",
            "code": "def third(x):\n    return x / 3",
            "test_imports": ["import math"],
            "test_list": ["assert math.isclose(third(1), 1 / 3)"],
        },
        {
            "answer": json.dumps({"setup": "import math", "tests": "assert math.isclose(third(1), 1 / 3)"}),
            "solution": "def third(x):\n    return x / 3",
            "verifier": "code",
        },
    ),
    "livecodebench": (
        "test.jsonl",
        {
            "question_title": "Double",
            "question_content": "Double a number.",
            "platform": "leetcode",
            "question_id": "1",
            "starter_code": _TWICE,
            "difficulty": "easy",
            "public_test_cases": json.dumps([{"input": "2", "output": "4", "testtype": "functional"}]),
            "private_test_cases": base64.b64encode(
                zlib.compress(pickle.dumps(json.dumps([{"input": "0", "output": "0", "testtype": "functional"}])))
            ).decode(),
            "metadata": json.dumps({"func_name": "double"}),
        },
        {
            "question": f"Double a number.\n\nComplete this Python code:\n\n```python\n{_TWICE.strip()}\n```",
            "answer": json.dumps(
                {
                    "entry_point": "double",
                    "starter": _TWICE.strip(),
                    "tests": [
                        {"input": "2", "output": "4", "testtype": "functional"},
                        {"input": "0", "output": "0", "testtype": "functional"},
                    ],
                }
            ),
            "family": "leetcode",
            "difficulty": "easy",
            "verifier": "code",
        },
    ),
    "apps": (
        "apps.jsonl",
        {
            "problem_id": 1,
            "question": "Double a number.",
            "solutions": json.dumps(["print(2 * int(input()))", "print(int(input()) * 2)"]),
            "input_output": json.dumps({"inputs": ["2\n"], "outputs": ["4\n"]}),
            "difficulty": "introductory",
            "url": "https://example.org/1",
            "starter_code": "",
        },
        {
            "question": "Double a number.\n\n"
            "Write a Python program that reads from standard input and writes to standard output.",
            "answer": json.dumps({"tests": [{"input": "2\n", "output": "4\n"}]}),
            "solution": "print(2 * int(input()))",
            "verifier": "code",
        },
    ),
    "aqua": (
        "aqua.json",
        {
            "question": "What is 3 + 4?",
            "options": ["A)6", "B)7", "C)8", "D)9", "E)10"],
            "rationale": "Three and four are seven. Answer: B",
            "correct": "B",
        },
        {"question": "What is 3 + 4?\n\nA) 6\nB) 7\nC) 8\nD) 9\nE) 10", "answer": "B"},
    ),
    "mmlu": (
        "test.parquet",
        {
            "question": "What is 3 + 4?",
            "subject": "elementary_mathematics",
            "choices": ["6", "7", "8", "9"],
            "answer": 1,
        },
        {"question": "What is 3 + 4?\n\nA. 6\nB. 7\nC. 8\nD. 9", "answer": "B", "family": "elementary_mathematics"},
    ),
    "mmlu_pro": (
        "pro.jsonl",
        {
            "question_id": 1,
            "question": "What is 3 + 4?",
            "options": ["6", "7", "8"],
            "answer": "B",
            "answer_index": 1,
            "category": "math",
        },
        {"question": "What is 3 + 4?\n\nA. 6\nB. 7\nC. 8", "answer": "B", "family": "math"},
    ),
    "gpqa": (
        "gpqa.csv",
        {
            "Question": "Which is the lightest?\n",
            "Correct Answer": "hydrogen\n",
            "Incorrect Answer 1": "neon",
            "Incorrect Answer 2": "argon",
            "Incorrect Answer 3": "helium",
            "Explanation": "One proton.",
            "High-level domain": "Chemistry",
        },
        {
            "question": "Which is the lightest?\n\n\nA. argon\nB. helium\nC. hydrogen\nD. neon",
            "answer": "C",
            "family": "Chemistry",
            "solution": "One proton.",
        },
    ),
    "math": (
        "test.jsonl",
        {
            "problem": "What is $3+4$?",
            "solution": "It is $\\boxed{7}$.",
            "answer": "7",
            "subject": "Prealgebra",
            "level": 1,
            "unique_id": "test/prealgebra/1.json",
        },
        {"question": "What is $3+4$?", "answer": "7", "family": "Prealgebra", "difficulty": "1"},
    ),
    "verl": (
        "train.parquet",
        {
            "data_source": "dapo",
            "prompt": [{"role": "user", "content": "What is 3 + 4?"}],
            "reward_model": {"style": "rule", "ground_truth": "7"},
        },
        {"question": "What is 3 + 4?", "answer": "7", "family": "dapo"},
    ),
}

_CHAT = {"index": 0, "message": {"role": "assistant", "content": "\\boxed{7}"}, "finish_reason": "stop"}
TRACE_ROWS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "openthoughts": (
        "thoughts.parquet",
        {
            "system": "Your role is to think.",
            "conversations": [{"from": "user", "value": "What is 3 + 4?"}, {"from": "assistant", "value": R1_MARKS}],
        },
        {"question": "What is 3 + 4?", "answer": None, "teacher": "unknown", "samples": 1},
    ),
    "openthoughts_metadata": (
        "metadata.parquet",
        {
            "problem": "What is 3 + 4?",
            "deepseek_reasoning": "Three and four.",
            "deepseek_solution": "\\boxed{7}",
            "ground_truth_solution": "They are seven.",
            "domain": "math",
        },
        {
            "question": "What is 3 + 4?",
            "answer": None,
            "solution": "They are seven.",
            "reasoning": ["Three and four."],
            "response": ["\\boxed{7}"],
            "teacher": "DeepSeek-R1",
            "family": "math",
        },
    ),
    "open_r1": (
        "open_r1.parquet",
        {
            "problem": "What is 3 + 4?",
            "solution": "They are seven.",
            "answer": "7",
            "problem_type": "Algebra",
            "generations": ["<think>\nHm.\n</think>\n\n\\boxed{7}", "<think>\nSo.\n</think>\n\n\\boxed{8}"],
            "correctness_math_verify": [True, False],
            "finish_reasons": ["stop", "length"],
        },
        {
            "answer": "7",
            "reasoning": ["Hm.", "So."],
            "response": ["\\boxed{7}", "\\boxed{8}"],
            "finish_reason": ["stop", "length"],
            "stated": ["true", "false"],
            "teacher": "DeepSeek-R1",
            "family": "Algebra",
        },
    ),
    "s1": (
        "s1K.parquet",
        {
            "question": "What is 3 + 4?",
            "solution": "7",
            "source_type": "made",
            "thinking_trajectories": ["Three and four."],
            "attempt": "\\boxed{7}",
        },
        {"answer": None, "reasoning": ["Three and four."], "response": ["\\boxed{7}"], "solution": "7"},
    ),
    "s1_1": (
        "s1K-1.1.parquet",
        {
            "question": "What is 3 + 4?",
            "solution": "7",
            "source_type": "made",
            "deepseek_thinking_trajectory": "Three and four.",
            "deepseek_attempt": "\\boxed{7}",
            "deepseek_grade": "Yes",
        },
        {"reasoning": ["Three and four."], "response": ["\\boxed{7}"], "stated": ["Yes"], "teacher": "DeepSeek-R1"},
    ),
    "limo": (
        "limo.jsonl",
        {"question": "What is 3 + 4?", "solution": "Wait, 3 and 4.\n\n**Final Answer** \\boxed{7}", "answer": "7"},
        {"answer": "7", "response": ["Wait, 3 and 4.\n\n**Final Answer** \\boxed{7}"]},
    ),
    "lm_eval": (
        "samples_made_2026-01-01T00-00-00.000000.jsonl",
        {
            "doc_id": 0,
            "doc": {"q": "What is 3 + 4?"},
            "target": "7",
            "arguments": {"gen_args_0": {"arg_0": "Question: What is 3 + 4?\nAnswer:", "arg_1": {"until": ["\n\n"]}}},
            "resps": [["It is 7.", "It is 8."]],
            "filtered_resps": ["7"],
            "metrics": ["exact_match"],
            "exact_match": 1.0,
        },
        {"question": "Question: What is 3 + 4?\nAnswer:", "answer": "7", "response": ["It is 7.", "It is 8."]},
    ),
    "openai_batch": (
        "output.jsonl",
        {
            "id": "batch_1",
            "custom_id": "one",
            "response": {
                "status_code": 200,
                "body": {
                    "model": "made-1",
                    "choices": [_CHAT, _CHAT | {"index": 1, "finish_reason": "length"}],
                    "usage": {"completion_tokens": 90},
                },
            },
            "error": None,
        },
        {
            "question": "What is 3 + 4?",
            "response": ["\\boxed{7}", "\\boxed{7}"],
            "finish_reason": ["stop", "length"],
            "teacher": "made-1",
            "tokens": [None, None],  # 90 is the sum of both
        },
    ),
    "verl_rollouts": (
        "10.jsonl",
        {
            "input": "system\nYou are helpful.\nuser\nWhat is 3 + 4?\nassistant\n",
            "output": "<think>\nHm.\n</think>\n\n\\boxed{7}",
            "gts": "7",
            "score": 1.0,
            "step": 10,
        },
        {"question": "What is 3 + 4?", "answer": "7", "reasoning": ["Hm."], "stated": ["1"]},
    ),
    "sharegpt": (
        "chats.json",
        {
            "id": "1",
            "conversations": [
                {"from": "human", "value": "Hello!"},
                {"from": "gpt", "value": "Hello."},
                {"from": "human", "value": "What is 3 + 4?"},
                {"from": "gpt", "value": "7"},
            ],
        },
        {"question": "User: Hello!\n\nAssistant: Hello.\n\nUser: What is 3 + 4?", "response": ["7"], "answer": None},
    ),
    "messages": (
        "chats.jsonl",
        {
            "messages": [
                {"role": "user", "content": "What is 3 + 4?"},
                {"role": "assistant", "content": "7", "reasoning_content": "Three and four."},
            ]
        },
        {"question": "What is 3 + 4?", "response": ["7"], "reasoning": ["Three and four."]},
    ),
    "alpaca": (
        "alpaca.json",
        {"instruction": "Add the numbers.", "input": "3, 4", "output": "7"},
        {"question": "Add the numbers.\n\n3, 4", "response": ["7"], "answer": None},
    ),
}
INSPECT = {
    "id": 1,
    "epoch": 1,
    "input": "What is 3 + 4?",
    "target": ["7"],
    "messages": [
        {"role": "user", "content": "attachment://abc"},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "reasoning": "Three and four."}, {"type": "text", "text": "\\boxed{7}"}],
        },
    ],
    "output": {"model": "made-1", "choices": [{"stop_reason": "stop"}], "usage": {"output_tokens": 12}},
    "scores": {"match": {"value": "C", "answer": "7"}},
    "attachments": {"abc": "What is 3 + 4? Box the answer."},
}
