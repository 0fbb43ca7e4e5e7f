"""The book: mdBook's preprocessor that turns the lessons' notebooks into chapters.

``python -m vaelib.book`` speaks mdBook's protocol; ``book.toml`` names it. Lessons
are executed (:mod:`~vaelib.book.execute`, each once, kept until something it
depends on changes), written as Markdown (:mod:`~vaelib.book.page`), their formulas
set (:mod:`~vaelib.book.maths`) and their widgets given all they need to move
without a kernel (:mod:`~vaelib.book.widgets`).
"""
