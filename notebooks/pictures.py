"""What the notebooks share: how to run a program and read its JSON lines, and how a picture of a run looks."""

import json
import os
import pathlib
import subprocess

import matplotlib.pyplot as plt
import pandas

HERE = pathlib.Path(__file__).parent
# Where `make notebooks` builds the programs; run.py says so for another build.
BUILD = pathlib.Path(os.environ.get("ORRERY_BUILD", HERE.parent / "build" / "release"))
# Told apart by those who see few colours too (Okabe and Ito, 2008).
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"]

plt.rcParams.update({"figure.dpi": 110, "axes.spines.top": False, "axes.spines.right": False})


def run(program, *arguments):
    """Runs a program of this build, and gives what it writes to standard output."""
    path = BUILD / "notebooks" / program
    if not path.is_file():
        raise FileNotFoundError(f"{program} is not built: run `make notebooks` in the repository")
    return subprocess.run([path, *arguments], check=True, capture_output=True, text=True).stdout


def json_lines(text):
    """A frame with a row for each object; the line that only names a format, and the summary, are left out."""
    rows = [json.loads(line) for line in text.splitlines()]
    return pandas.DataFrame([row for row in rows if not {"format", "type"} & set(row)])


def listing(name):
    """A source file beside the notebooks, without its opening essay."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return "\n".join(lines[next(i for i, line in enumerate(lines) if not line.startswith("//")) :])


def lanes(runs, jumps, title):
    """A row for each task, a box for each turn in which it ran. `runs` has the columns turn and task."""
    tasks = list(dict.fromkeys(runs["task"]))
    figure, axes = plt.subplots(figsize=(9, 0.55 * len(tasks) + 1.2))
    for row, task in enumerate(tasks):
        turns = runs.loc[runs["task"] == task, "turn"]
        axes.hlines(row, turns.min(), turns.max(), color="0.8", linewidth=1, zorder=0)  # alive, and waiting
        axes.broken_barh([(turn - 0.42, 0.84) for turn in turns], (row - 0.3, 0.6), color=PALETTE[row])
    axes.set_yticks(range(len(tasks)), tasks)
    axes.invert_yaxis()
    axes.set_xlabel("turn of the loop")
    axes.set_title(title, loc="left")
    mark_times(axes, int(runs["turn"].max()), jumps)
    return figure


def mark_times(axes, last, jumps):
    """Numbers the turns up to the last, and marks where the clock has moved: {first turn at a time: time in ns}."""
    axes.set_xticks(range(1, last + 1))
    for first, time_ns in jumps.items():
        axes.axvline(first - 0.5, color="0.5", linestyle="--", linewidth=0.8)
        axes.annotate(f" {time_ns / 1e9:.0f} s", (first - 0.5, 1), xycoords=("data", "axes fraction"), va="top", size=8)
