# Two commands matter: `make lab` opens the course, `make test` proves it.
PYTHON  ?= python3
PORT    ?= 8888
BIN     := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

export PYTHONUTF8 = 1
# The models are small: a second thread shares its core with the browser, or with
# another test, and makes steps up to ten times slower.
export OMP_NUM_THREADS ?= 1

.PHONY: lab setup test lint notebooks lesson bench picture constraints clean

# BROWSER=none starts the server without opening a browser. In a container one is
# often root, which Jupyter refuses unless told.
lab: setup
	$(if $(filter none,$(BROWSER)),BROWSER= )$(BIN)/jupyter lab \
	    --ip=127.0.0.1 --port=$(PORT) --ServerApp.root_dir="$(CURDIR)" \
	    --LabApp.default_url=/lab/tree/notebooks/00-start-here.ipynb \
	    $(if $(filter none,$(BROWSER)),--no-browser) \
	    $(if $(filter 0,$(shell id -u)),--allow-root)

setup: .venv/.course

# The stamps keep a second call from installing anything.
.venv/.course: pyproject.toml constraints.txt tools/overrides.json
	$(PYTHON) -m venv .venv
	$(INSTALL) -e '.[course]'
	mkdir -p .venv/share/jupyter/lab/settings
	cp tools/overrides.json .venv/share/jupyter/lab/settings/
	touch $@

.venv/.test: .venv/.course
	$(INSTALL) -e '.[course,test]'
	touch $@

test: .venv/.test
	$(BIN)/pytest -n 2

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# After editing a lesson's text: bring its notebook in step.
notebooks: .venv/.test
	$(BIN)/python tools/notebooks.py sync

# A new lesson from the template: make lesson N=01 NAME=pca
lesson: .venv/.test
	$(BIN)/python tools/notebooks.py new $(N) $(NAME)

bench: .venv/.test
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/widgets.py
	$(BIN)/python benchmarks/live_training.py

# The screenshot in the README.
picture: .venv/.test
	$(BIN)/python tools/picture.py

constraints: .venv/.test
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --upgrade \
	    --python-version 3.11 --constraint tools/torch.txt \
	    --no-emit-index-url --no-annotate --no-header --quiet -o constraints.txt

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
