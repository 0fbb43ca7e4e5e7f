"""The checks of the lessons' exercises, one module per lesson.

A lesson does ``from vaelib.exercises import start_here as check`` and then
``check.sample_codes(sample_codes)``. How a check works is in
:mod:`vaelib.exercises.checking`; the modules beside it only hold what differs
from exercise to exercise.
"""
