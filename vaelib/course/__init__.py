"""The learner's side of the course: a folder of their own, and what they solved.

Lessons are worked through in copies. A copy that somebody wrote in is never
overwritten; what was solved stands in one small file beside the copies.
"""

from vaelib.course.folder import Folder
from vaelib.course.progress import Progress, progress

__all__ = ["Folder", "Progress", "progress"]
