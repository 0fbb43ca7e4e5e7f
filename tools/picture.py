"""Takes the README's picture: lesson 00 in JupyterLab, its pad dragged.

python tools/picture.py [FILE]
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from labpage import NotebookPage, start_browser, start_lab  # noqa: E402

LESSON = ROOT / "notebooks" / "00-start-here.ipynb"
# Above the pad stay the lines of the cell that makes it.
ABOVE = 190


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", default=ROOT / "docs" / "lesson-00.png")
    file = Path(parser.parse_args().file)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(LESSON, folder)
        with start_lab(Path(folder)) as lab, start_browser() as browser:
            size = {"width": 1100, "height": 720}
            page = NotebookPage.open(browser, lab, LESSON.name, viewport=size)
            page.run_all(timeout=300)
            pad = page.widget("latent-pad")
            page.drag(pad, [(0.5, 0.5), (0.6, 0.8), (0.43, 0.85)])
            page.settled(pad)
            pad.evaluate(
                """(pad, above) => {
                    const panel = pad.closest(".jp-WindowedPanel-outer");
                    panel.scrollTop += pad.getBoundingClientRect().top - above;
                }""",
                ABOVE,
            )
            page.page.wait_for_timeout(1000)  # for JupyterLab's scroll bars
            file.parent.mkdir(exist_ok=True)
            page.page.screenshot(path=file)
            page.close()
    print(f"wrote {file}")


if __name__ == "__main__":
    main()
