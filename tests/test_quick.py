"""`make quick` runs the tests that a change touches."""

import pytest

from tools.notebooks import sources
from tools.quick import EXERCISES, ROOT, command, lessons, reached, touched, unit_tests


@pytest.mark.parametrize(
    ("edited", "runs", "leaves"),
    [
        ("vaelib/pca.py", "tests/test_pca.py", "tests/test_randomness.py"),
        ("vaelib/metrics/mig.py", "tests/test_metrics.py",
         "tests/data/test_sprites.py"),
        ("vaelib/randomness.py", "tests/test_objectives.py",
         "tests/lessons/test_twice.py"),
        ("vaelib/sweep/__init__.py", "tests/test_sweep.py", "tests/test_pca.py"),
        ("vaelib/data/strokes.py", "tests/data/test_load.py", "tests/test_ladder.py"),
        ("vaelib/widgets/latent_pad.py", "tests/widgets/test_widgets.py",
         "tests/test_metrics.py"),
        ("vaelib/widgets/pad.js", "tests/widgets/test_widget_page.py",
         "tests/test_plots.py"),
        ("tools/lint.py", "tests/lessons/test_lint.py", "tests/test_pca.py"),
        ("notebooks/src/01-pca.md", "tests/lessons/test_pairs.py",
         "tests/test_pca.py"),
        ("tests/test_pca.py", "tests/test_pca.py", "tests/test_metrics.py"),
    ],
)  # fmt: skip
def test_a_change_runs_what_uses_it(edited: str, runs: str, leaves: str) -> None:
    found = touched([ROOT / edited])
    assert runs in found
    assert leaves not in found


def test_every_module_is_used_by_a_test() -> None:
    seen = {path for test in unit_tests() for path in reached(test)}
    apart = ("book", "exercises")  # by their pages, and by lesson
    ours = {p for p in (ROOT / "vaelib").rglob("*.py")
            if p.relative_to(ROOT).parts[1] not in apart}  # fmt: skip
    assert {str(p.relative_to(ROOT)) for p in ours - seen} == set()


def test_shared_fixtures_run_everything() -> None:
    assert len(touched([ROOT / "tests/conftest.py"])) == len(unit_tests())


def test_a_lesson_s_exercises_run_alone() -> None:
    pca = next(s for s in sources() if s.stem.endswith("-pca"))
    checks = ROOT / "vaelib/exercises/pca.py"
    table = ROOT / f"tests/exercises/mistakes/{pca.stem}.py"
    assert lessons([checks]) == lessons([table]) == lessons([pca]) == [pca.stem[:2]]
    assert [EXERCISES, "-k", f"{pca.stem[:2]}-"] in command([checks])
    assert command([ROOT / "README.md"]) == []
