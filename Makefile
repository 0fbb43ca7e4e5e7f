# Two commands matter: `make lab` opens the course, `make test` proves it. `make book`
# writes it as pages in which the widgets move without Jupyter.
PYTHON  ?= python3
SINCE   ?= HEAD
PORT    ?= 8888
LESSON  ?= 00-start-here
FOLDER  ?= vae-course
BIN     := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

export PYTHONUTF8 = 1
# The models are small: a second thread shares its core with the browser, or with
# another test, and makes steps up to ten times slower.
export OMP_NUM_THREADS ?= 1

.PHONY: lab edit setup test processors quick lint book book-serve notebooks lesson \
    bench picture constraints clean

# For who learns: copies of the lessons, in a folder of their own that git ignores.
# BROWSER=none starts the server without opening a browser.
lab: setup
	$(BIN)/vaelib lab $(FOLDER) --lesson=$(LESSON) --port=$(PORT) \
	    $(if $(filter none,$(BROWSER)),--no-browser)

# For who writes: the lessons themselves, with their text. In a container one is often
# root, which Jupyter refuses unless told.
edit: setup
	$(BIN)/jupyter lab \
	    --ip=127.0.0.1 --port=$(PORT) --ServerApp.root_dir="$(CURDIR)" \
	    --LabApp.default_url=/lab/tree/notebooks/$(LESSON).ipynb \
	    $(if $(filter none,$(BROWSER)),--no-browser) \
	    $(if $(filter 0,$(shell id -u)),--allow-root)

setup: .venv/.course

# The stamps keep a second call from installing anything.
.venv/.course: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) -e '.[course]'
	touch $@

.venv/.test: .venv/.course
	$(INSTALL) -e '.[book,course,test]'
	touch $@

.venv/.book: .venv/.course package.json package-lock.json
	@command -v npm >/dev/null || { echo "make book sets its formulas with node:" \
	    "install node 18 or newer, with npm, and run it again" >&2; exit 1; }
	$(INSTALL) -e '.[book,course]'
	npm ci --silent --no-audit --no-fund
	touch $@

# Each lesson is run, and must print and draw what the book's own run of it did.
test: .venv/.test
	$(BIN)/python -m vaelib.book execute
	$(BIN)/pytest -n 2

# Other processors round otherwise: the unit tests and three lessons' asserts with fewer
# of this one's instructions, and with a second thread.
processors: .venv/.test
	set -e; for settings in \
	    "ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_ENABLE_INSTRUCTIONS=SSE4_2" \
	    "ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2" \
	    "OMP_NUM_THREADS=2"; do \
	    echo "$$settings"; \
	    env $$settings $(BIN)/pytest -n 2 -m "not slow" tests --ignore=tests/browser \
	        --ignore=tests/book --ignore=tests/lessons; \
	    for lesson in 06 10 14; do env $$settings $(BIN)/python tools/notebooks.py time $$lesson; done; \
	done

# The unit tests that an edit touches; make quick SINCE=main for a branch's.
quick: .venv/.test
	$(BIN)/python tools/quick.py $(SINCE)

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Executes what has changed, then writes site/; the start page is site/index.html.
book: .venv/.book
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/mdbook build
	rm -rf site/src site/.ipynb_checkpoints

# Its pages reload themselves: not what one wants to publish, so not in site/.
book-serve: .venv/.book
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/mdbook serve --dest-dir build/book \
	    --hostname 127.0.0.1 --port $(PORT)

# After editing a lesson's text: bring its notebook in step.
notebooks: .venv/.test
	$(BIN)/python tools/notebooks.py sync

# A new lesson from the template: make lesson N=01 NAME=pca
lesson: .venv/.test
	$(BIN)/python tools/notebooks.py new $(N) $(NAME)

bench: .venv/.test book
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/widgets.py
	$(BIN)/python benchmarks/book.py
	$(BIN)/python benchmarks/live_training.py

# The screenshot in the README.
picture: .venv/.test
	$(BIN)/python tools/picture.py

constraints: .venv/.test
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --upgrade \
	    --python-version 3.11 --constraint tools/torch.txt \
	    --no-emit-index-url --no-annotate --no-header --quiet -o constraints.txt

clean:
	rm -rf .venv build site node_modules notebooks/assets .jupyter_cache
	rm -rf *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
