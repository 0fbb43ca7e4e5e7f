"""The lessons travel in the wheel; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithLessons(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # there they are read where they are edited
            target = Path(self.build_lib, "vaelib", "course", "lessons")
            target.mkdir(parents=True, exist_ok=True)
            for lesson in sorted(Path("notebooks").glob("[0-9][0-9]-*.ipynb")):
                shutil.copy(lesson, target)


setup(cmdclass={"build_py": WithLessons})
