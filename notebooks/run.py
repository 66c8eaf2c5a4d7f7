#!/usr/bin/env python3
"""run.py BUILD_FOLDER: runs every notebook from top to bottom in a fresh kernel, and keeps it as a page.

The pages go to BUILD_FOLDER/notebooks/NN_name.html; each is one file that needs no network and no other file. A
notebook ends with assertions, so one whose text is no longer true fails here, with the cell that found out. Ends with
status 1 then, with the page written up to that cell, and where a notebook was committed with outputs: those grow old, and hold paths of whoever ran it.
"""

import os
import pathlib
import re
import sys
import time

try:
    import nbclient
    import nbconvert
    import nbformat
except ImportError:
    # The first python3 on the path may be one that does not see Debian's packages.
    debians = "/usr/bin/python3"
    if os.path.realpath(sys.executable) == os.path.realpath(debians) or not os.path.exists(debians):
        sys.exit("notebooks: no nbclient, nbconvert, nbformat. On Debian: apt-get install jupyter-nbconvert "
                 "python3-nbclient python3-ipykernel python3-pandas python3-matplotlib")
    os.execv(debians, [debians, "-B", *sys.argv])

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT = 120  # seconds for one cell
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def alone(page):
    """The page without what Debian's nbconvert loads from elsewhere: scripts for formulas and widgets."""
    page = re.sub(r'<script[^>]* src="[^"]*"[^>]*>\s*</script>', "", page)
    page = re.sub(r"<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->", "", page, flags=re.DOTALL)
    if outside := re.findall(r'<(?:script|img|link|iframe)[^>]* (?:src|href)="(?!data:|#)([^"]*)"', page):
        sys.exit(f"notebooks: the page loads {', '.join(outside)}")
    return page


def run(path, build):
    started = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    if any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells):
        sys.exit(f"{path.name}: is to be committed without outputs; in Jupyter: Kernel, Restart & Clear Output")
    os.environ["ORRERY_BUILD"] = str(build)
    client = nbclient.NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3",
                                     resources={"metadata": {"path": str(HERE)}})
    failed = None
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        failed = error
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    output = build / "notebooks" / f"{path.stem}.html"
    output.write_text(alone(page), encoding="utf-8")
    print(f"{path.name}: {time.monotonic() - started:.0f} s, {output}")
    return failed


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # no __pycache__ beside the notebooks
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # no warning about a debugger that nobody has started
    build = pathlib.Path(sys.argv[1]).resolve()
    notebooks = sorted(HERE.glob("*.ipynb"))
    if not notebooks:
        sys.exit(f"notebooks: there are none in {HERE}")
    failures = [(path, failed) for path in notebooks if (failed := run(path, build))]
    for path, failed in failures:
        print(f"{path.name}: {COLOUR.sub('', str(failed))}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
