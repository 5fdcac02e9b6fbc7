"""Draw docs/effect.svg: the published effect that infogap is built around, in its authors' figures.

python docs/effect.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

# Kim et al. 2026, arXiv 2603.24472, section 3: DeepSeek-R1-Distill-Qwen-7B on 100 DAPO-Math-17k questions,
# mean count of ten epistemic words per response, by what the teacher was shown besides the question.
CONTEXTS = {
    "nothing": 182.5,
    "the solution without its thinking": 159.8,
    "a trace written under the solution": 24.1,
    "the whole solution": 8.8,
}
COLOURS = ["#c8553d", "#c8553d", "#5f8aa8", "#2f6690"]


def main() -> None:
    matplotlib.rcParams.update({"svg.hashsalt": "infogap", "font.family": "sans-serif", "font.size": 11})
    figure, axes = plt.subplots(figsize=(8.2, 2.9), layout="constrained")
    places = range(len(CONTEXTS))
    axes.barh(places, CONTEXTS.values(), color=COLOURS, height=0.62)
    for place, count in zip(places, CONTEXTS.values(), strict=True):
        axes.text(count + 2, place, f"{count:g}", va="center")
    axes.set_yticks(places, CONTEXTS)
    axes.invert_yaxis()
    axes.set_xlim(0, 205)
    axes.set_xlabel("epistemic words per response (figures: Kim et al. 2026)")
    figure.suptitle("The more the teacher sees, the less doubt its traces express", x=0.01, ha="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(Path(__file__).with_name("effect.svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
