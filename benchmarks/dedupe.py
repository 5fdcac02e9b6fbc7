"""How fast near-duplicates are found, and how well, against others on the same texts in the same run.

    python benchmarks/dedupe.py                              100,000 texts, and the peers
    python benchmarks/dedupe.py --documents 1000000 --no-peers   time per text and memory at a million

The texts (benchmarks/dedupe_corpus.py) have 300 words; a fifth are changed copies of others, of known Jaccard. Every
side is a process of its own that reads the same Parquet file: its time runs from the first byte read to the last
decision. infogap compiles its kernels once per installation; that is done before, and said. Peers, one process each, as
their documentation has it:

    datasketch   MinHash.update per 5-gram, MinHashLSH.insert and query; on --peer-documents texts, for it takes minutes
    rensa        (if installed) its fastest path: flat 64-bit hashes of the same 5-grams (by NumPy), its digest matrix,
                 and the matrix's duplicate flags, which nothing verifies
    rensa, given the same with hashes that infogap's own code makes on all cores: only sketch and index are rensa's
    datatrove    (if installed) MinhashDedupSignature, -Buckets, -Cluster, on all cores; on --peer-documents texts

Needs `pip install 'infogap[bench]'` for rensa, and `pip install datatrove[processing] spacy` for datatrove.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dedupe_corpus import NGRAM, write_corpus

THRESHOLD, NUM_PERM = 0.8, 128


def texts_of(file: Path, count: int | None = None) -> list[str]:
    import polars as pl

    texts: list[str] = pl.read_parquet(file, columns=["text"], n_rows=count)["text"].to_list()
    return texts


def grams_of(text: str) -> set[str]:
    words = text.split()
    return {" ".join(words[start : start + NGRAM]) for start in range(len(words) - NGRAM + 1)}


# One side each: prints what it took as JSON.


def infogap_side(file: Path, _count: int) -> dict[str, Any]:
    from infogap.console import output
    from infogap.dedupe.dedupe_file import duplicates_in
    from infogap.recipe.dedupe_section import Dedupe

    output.quiet = True
    settings = Dedupe(scope="all", threshold=THRESHOLD, ngram=NGRAM, num_perm=NUM_PERM)
    small = file.with_name("small.parquet")
    write_corpus(small, 50)
    started = time.perf_counter()
    duplicates_in(small, "text", settings)
    compiled = time.perf_counter() - started
    started = time.perf_counter()
    found = duplicates_in(file, "text", settings)
    seconds = time.perf_counter() - started
    file.with_name("found.json").write_text(json.dumps([[r.row, r.duplicate_of, r.jaccard] for r in found.removed]))
    return {"documents": found.rows, "seconds": seconds, "compiled": compiled, "given up": found.cut}


def datasketch_side(file: Path, count: int) -> dict[str, Any]:
    from datasketch import MinHash, MinHashLSH

    texts = texts_of(file, count)
    started = time.perf_counter()
    index = MinHashLSH(threshold=THRESHOLD, num_perm=NUM_PERM)
    for number, text in enumerate(texts):
        signature = MinHash(num_perm=NUM_PERM)
        for gram in grams_of(text):
            signature.update(gram.encode())
        index.query(signature)
        index.insert(number, signature)
    return {"documents": len(texts), "seconds": time.perf_counter() - started}


def rensa_side(file: Path, _count: int) -> dict[str, Any]:
    """Its fastest path: hashes in one flat buffer. They are made as one makes them with NumPy."""
    import numpy as np

    texts = texts_of(file)
    started = time.perf_counter()
    grams, sizes = [], [0]
    for text in texts:
        words = np.fromiter(map(hash, text.split()), np.int64).view(np.uint64)
        hashes = np.zeros(len(words) - NGRAM + 1, np.uint64)
        for start in range(NGRAM):
            hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + words[start : start + len(hashes)]
        grams.append(hashes)
        sizes.append(len(hashes))
    _rensa_flags(np.concatenate(grams), np.cumsum(sizes, dtype=np.uint64))
    return {"documents": len(texts), "seconds": time.perf_counter() - started}


def rensa_given_side(file: Path, _count: int) -> dict[str, Any]:
    """The same with hashes by infogap's own code, on all cores: what is left is rensa's sketch and index."""
    import numpy as np

    from infogap.dedupe.batch_engines import engine
    from infogap.dedupe.dedupe_file import texts_of
    from infogap.dedupe.minhash import hashed

    hashed(next(texts_of(file, "text")).texts(), NGRAM)  # compiles
    started = time.perf_counter()
    parts = list(engine().map(lambda batch: hashed(batch.texts(), NGRAM), texts_of(file, "text")))
    sizes = np.concatenate([[0], *(np.diff(part.ends) for part in parts)])
    _rensa_flags(np.concatenate([part.grams for part in parts]), np.cumsum(sizes).astype(np.uint64))
    return {"documents": len(sizes) - 1, "seconds": time.perf_counter() - started}


def _rensa_flags(hashes: Any, ends: Any) -> None:
    from rensa import RMinHash, RMinHashLSH

    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, ends, NUM_PERM, 1)
    RMinHashLSH(THRESHOLD, NUM_PERM, 16).query_duplicate_flags_matrix_one_shot(matrix)


def datatrove_side(file: Path, count: int) -> dict[str, Any]:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader

    from infogap.parallel import usable_cores

    cores = usable_cores()
    folder = Path(tempfile.mkdtemp(dir=file.parent))
    (folder / "in").mkdir()
    lines = [json.dumps({"text": text, "id": str(number)}) + "\n" for number, text in enumerate(texts_of(file, count))]
    for core in range(cores):  # a file for each task
        (folder / "in" / f"texts{core}.jsonl").write_text("".join(lines[core::cores]))
    config = MinhashConfig(n_grams=NGRAM, num_buckets=14, hashes_per_bucket=8)
    steps = [
        [
            JsonlReader(str(folder / "in")),
            MinhashDedupSignature(output_folder=str(folder / "signatures"), config=config),
        ],
        [MinhashDedupBuckets(str(folder / "signatures"), str(folder / "buckets"), config=config)],
        [MinhashDedupCluster(str(folder / "buckets"), str(folder / "removed"), config=config)],
    ]
    started = time.perf_counter()
    for number, (step, tasks) in enumerate(zip(steps, [cores, config.num_buckets, 1], strict=True)):
        workers = min(tasks, cores)
        LocalPipelineExecutor(step, tasks=tasks, workers=workers, logging_dir=str(folder / f"log{number}")).run()
    return {"documents": count, "seconds": time.perf_counter() - started}


SIDES: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "infogap": infogap_side,
    "datasketch": datasketch_side,
    "rensa": rensa_side,
    "rensa, given": rensa_given_side,
    "datatrove": datatrove_side,
}


def measured(side: str, file: Path, count: int) -> dict[str, Any]:
    """What a side took, in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--file", str(file), "--peer-documents", str(count)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{side}: {ended.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    found["rate"] = found["documents"] / found["seconds"]
    return found


def quality(file: Path) -> str:
    """Recall of the planted pairs, and precision by the exact Jaccard of Python's sets."""
    import polars as pl

    table = pl.read_parquet(file)
    found = json.loads(file.with_name("found.json").read_text())
    gone = {row for row, _, _ in found}
    planted = table.with_row_index().filter(pl.col("jaccard") >= THRESHOLD)
    caught = sum(row in gone for row in planted["index"])
    texts = table["text"]
    exact = []
    for row, keeper, said in found:
        one, other = grams_of(texts[row]), grams_of(texts[keeper])
        exact.append((len(one & other) / len(one | other), said))
    right = sum(true >= THRESHOLD and abs(true - said) < 1e-12 for true, said in exact)
    stays = sum(keeper not in gone for _, keeper, _ in found)
    return (
        f"recall {caught / planted.height:.4f} of {planted.height:,} planted at {THRESHOLD} or more; precision "
        f"{right / len(found):.4f} of {len(found):,} by exact Jaccard; {stays:,} of them for a text that stays"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--peer-documents", type=int, default=5_000)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        found = SIDES[arguments.side](arguments.file, arguments.peer_documents)
        found["peak MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = write_corpus(Path(folder) / "texts.parquet", arguments.documents)
        there = ["infogap"]
        if not arguments.no_peers:
            there += ["datasketch", *(side for side in list(SIDES)[2:] if find_spec(side.split(",")[0]))]
        best: dict[str, dict[str, Any]] = {}
        for _ in range(arguments.rounds):
            for side in there:
                found = measured(side, file, arguments.peer_documents)
                if side not in best or found["rate"] > best[side]["rate"]:
                    best[side] = found
        for side in there:
            found = best[side]
            ratio = best["infogap"]["rate"] / found["rate"]
            print(
                f"{side:<12} {found['documents']:>10,} texts {found['seconds']:>8.2f} s {found['rate']:>10,.0f} "
                f"texts/s {found['peak MiB']:>7,} MiB   infogap is {ratio:,.1f} times as fast"
            )
        print(f"compiling: {best['infogap']['compiled']:.1f} s; searches given up: {best['infogap']['given up']:,}")
        print(quality(file))


if __name__ == "__main__":
    main()
