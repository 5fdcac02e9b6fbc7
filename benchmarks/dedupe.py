"""How fast near-duplicates are found, and how well, against others on the same texts in the same run.

    python benchmarks/dedupe.py                              100,000 texts, and the peers
    python benchmarks/dedupe.py --documents 1000000 --no-peers   time per text and memory at a million

The texts (benchmarks/dedupe_corpus.py) have 300 words; a fifth are changed copies of others, of known Jaccard. Every
side is a process of its own that reads the same Parquet file: its time runs from the first byte read to the last
decision, in seconds by the clock and of processors (children count). infogap compiles its kernels once per
installation; that is done before, and said. Peers, one process each; where there is a faster way than that of their
examples, both:

    datasketch         MinHash.update per 5-gram, MinHashLSH.insert and query; on --peer-documents texts
    datasketch, bulk   MinHash.generator over 5-grams that Polars and NumPy hashed, an insertion session and queries;
                       on --peer-documents texts
    rensa              (if installed) flat 64-bit hashes of the same 5-grams, made by Polars and NumPy for the whole
                       corpus at once, its digest matrix, and the matrix's duplicate flags, which nothing verifies
    rensa, rho         the same with its faster sketch, which finds fewer
    rensa, given       the same with hashes that infogap's own code makes: only sketch and index are rensa's
    datatrove          (if installed) MinhashDedupSignature, -Buckets, -Cluster, on all cores; on --peer-documents
    text-dedup         its command `text_dedup.minhash`, by the Python that --text-dedup names; on --peer-documents

Needs `pip install 'infogap[bench]'` for rensa, and `pip install datatrove[processing] spacy` for datatrove. text-dedup
requires versions of other libraries than infogap and has an environment of its own. semhash compares embeddings of a
model that it downloads, not n-grams: another question, and not compared.
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


class Clock:
    """Seconds since it was made, by the clock and of this process and its children that have ended."""

    def __init__(self) -> None:
        self._begun = time.perf_counter(), self._cpu()

    @staticmethod
    def _cpu() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    def taken(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self._begun[0], "CPU": self._cpu() - self._begun[1]}


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
    compiling = Clock()
    duplicates_in(small, "text", settings)
    compiled = compiling.taken()["seconds"]
    clock = Clock()
    found = duplicates_in(file, "text", settings)
    taken = clock.taken()
    file.with_name("found.json").write_text(json.dumps([[r.row, r.duplicate_of, r.jaccard] for r in found.removed]))
    return {"documents": found.rows, **taken, "compiled": compiled, "given up": found.cut}


def datasketch_side(file: Path, count: int) -> dict[str, Any]:
    from datasketch import MinHash, MinHashLSH

    texts = texts_of(file, count)
    clock = Clock()
    index = MinHashLSH(threshold=THRESHOLD, num_perm=NUM_PERM)
    for number, text in enumerate(texts):
        signature = MinHash(num_perm=NUM_PERM)
        for gram in grams_of(text):
            signature.update(gram.encode())
        index.query(signature)
        index.insert(number, signature)
    return {"documents": len(texts), **clock.taken()}


def datasketch_bulk_side(file: Path, count: int) -> dict[str, Any]:
    """The shared state of its generator, tokens that are hashed already, its 32-bit scheme, one insertion session."""
    from datasketch import MinHash, MinHashLSH

    clock = Clock()
    hashes, ends = _flat_hashes(file, count)
    tokens = (hashes >> 32).tolist()
    sets = (tokens[start:stop] for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))
    index = MinHashLSH(threshold=THRESHOLD, num_perm=NUM_PERM)
    signed = list(MinHash.generator(sets, num_perm=NUM_PERM, hashfunc=int, scheme="affine32"))
    with index.insertion_session() as session:
        for number, signature in enumerate(signed):
            session.insert(number, signature)
    for signature in signed:
        index.query(signature)
    return {"documents": len(signed), **clock.taken()}


def rensa_side(file: Path, _count: int) -> dict[str, Any]:
    from rensa import RMinHash

    clock = Clock()
    hashes, ends = _flat_hashes(file)
    flags = _rensa_flags(RMinHash.digest_matrix_from_flat_token_hashes(hashes, ends, NUM_PERM, 1))
    return {"documents": len(ends) - 1, **clock.taken(), "flags": flags}


def rensa_rho_side(file: Path, _count: int) -> dict[str, Any]:
    from rensa import RMinHash

    clock = Clock()
    hashes, ends = _flat_hashes(file)
    flags = _rensa_flags(RMinHash.digest_matrix_from_flat_token_hashes_rho(hashes, ends, NUM_PERM, 1))
    return {"documents": len(ends) - 1, **clock.taken(), "flags": flags}


def _flat_hashes(file: Path, count: int | None = None) -> tuple[Any, Any]:
    """Hash the 5-grams of all texts at once, as one does with Polars and NumPy; and where each text's begin and end."""
    import numpy as np
    import polars as pl

    words = pl.read_parquet(file, columns=["text"], n_rows=count)["text"].str.split(" ")
    sizes = words.list.len().to_numpy().astype(np.int64)
    hashed = words.explode().hash().to_numpy()
    grams = np.zeros(len(hashed) - NGRAM + 1, np.uint64)
    for start in range(NGRAM):
        grams = grams * np.uint64(0x9E3779B97F4A7C15) + hashed[start : start + len(grams)]
    whole = np.ones(len(hashed), np.bool_)
    for back in range(1, NGRAM):
        whole[np.cumsum(sizes) - back] = False  # these would reach into the next text
    ends = np.concatenate([[0], np.cumsum(sizes - NGRAM + 1)]).astype(np.uint64)
    return grams[whole[: len(grams)]], ends


def rensa_given_side(file: Path, _count: int) -> dict[str, Any]:
    """The same with hashes by infogap's own code, on all cores: what is left is rensa's sketch and index."""
    import numpy as np
    from rensa import RMinHash

    from infogap.dedupe.batch_engines import engine
    from infogap.dedupe.dedupe_file import texts_of
    from infogap.dedupe.minhash import hashed

    hashed(next(texts_of(file, "text")).texts(), NGRAM)  # compiles
    clock = Clock()
    parts = list(engine().map(lambda batch: hashed(batch.texts(), NGRAM), texts_of(file, "text")))
    sizes = np.concatenate([[0], *(np.diff(part.ends) for part in parts)])
    hashes = np.concatenate([part.grams for part in parts])
    ends = np.cumsum(sizes).astype(np.uint64)
    flags = _rensa_flags(RMinHash.digest_matrix_from_flat_token_hashes(hashes, ends, NUM_PERM, 1))
    return {"documents": len(sizes) - 1, **clock.taken(), "flags": flags}


def _rensa_flags(matrix: Any) -> int:
    """Count the texts that its index flags as duplicates of some other one."""
    from rensa import RMinHashLSH

    return sum(RMinHashLSH(THRESHOLD, NUM_PERM, 16).query_duplicate_flags_matrix_one_shot(matrix))


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
    clock = Clock()
    for number, (step, tasks) in enumerate(zip(steps, [cores, config.num_buckets, 1], strict=True)):
        workers = min(tasks, cores)
        LocalPipelineExecutor(step, tasks=tasks, workers=workers, logging_dir=str(folder / f"log{number}")).run()
    return {"documents": count, **clock.taken()}


def text_dedup_side(file: Path, count: int) -> dict[str, Any]:
    """Run its command, which has to start, load and write as a user's would, as a process of its own."""
    import polars as pl

    folder = Path(tempfile.mkdtemp(dir=file.parent))
    (folder / "in").mkdir()
    pl.read_parquet(file, columns=["text"], n_rows=count).write_parquet(folder / "in" / "texts.parquet")
    ngram, threshold, perms = str(NGRAM), str(THRESHOLD), str(NUM_PERM)
    command = [sys.argv[sys.argv.index("--text-dedup") + 1], "-m", "text_dedup.minhash", "--path", "parquet"]
    command += ["--data_files", str(folder / "in" / "texts.parquet"), "--split", "train", "--column", "text"]
    command += ["--cache_dir", str(folder / "cache"), "--output", str(folder / "out"), "--min_length", ngram]
    command += ["--ngram", ngram, "--threshold", threshold, "--num_perm", perms, "--hash_func", "xxh3"]
    clock = Clock()
    subprocess.run([*command, "--hash_bits", "32"], check=True, capture_output=True, cwd=folder)
    return {"documents": count, **clock.taken()}


SIDES: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "infogap": infogap_side,
    "datasketch": datasketch_side,
    "datasketch, bulk": datasketch_bulk_side,
    "rensa": rensa_side,
    "rensa, rho": rensa_rho_side,
    "rensa, given": rensa_given_side,
    "datatrove": datatrove_side,
    "text-dedup": text_dedup_side,
}


def measured(side: str, file: Path, count: int, *others: str) -> dict[str, Any]:
    """What a side took, in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--file", str(file), "--peer-documents", str(count), *others]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{side}: {ended.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    found["rate"] = found["documents"] / found["seconds"]
    found["CPU rate"] = found["documents"] / found["CPU"]
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
    parser.add_argument("--text-dedup", metavar="PYTHON", help="a Python that has text-dedup")
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
            there += [side for side in list(SIDES)[1:-1] if find_spec(side.split(",")[0])]
            there += ["text-dedup"] * (arguments.text_dedup is not None)
        others = ("--text-dedup", arguments.text_dedup) if arguments.text_dedup else ()
        best: dict[str, dict[str, Any]] = {}
        for _ in range(arguments.rounds):
            for side in there:
                found = measured(side, file, arguments.peer_documents, *others)
                if side not in best or found["rate"] > best[side]["rate"]:
                    best[side] = found
        for side in there:
            found = best[side]
            ratio, of_cpu = (best["infogap"][rate] / found[rate] for rate in ("rate", "CPU rate"))
            print(
                f"{side:<16} {found['documents']:>9,} texts {found['seconds']:>7.2f} s {found['CPU']:>7.2f} CPU s "
                f"{found['peak MiB']:>6,} MiB   infogap is {ratio:,.2f} times as fast, {of_cpu:,.2f} by CPU"
                + (f"; {found['flags']:,} texts flagged" if "flags" in found else "")
            )
        print(f"compiling: {best['infogap']['compiled']:.1f} s; searches given up: {best['infogap']['given up']:,}")
        print(quality(file))


if __name__ == "__main__":
    main()
