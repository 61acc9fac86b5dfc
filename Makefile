# Two commands on a fresh machine: make app, make test.
PYTHON ?= python3
BIN := .venv/bin
# Tests that read the sources and run nothing.
READ := tests/test_layers.py tests/test_sizes.py tests/test_words.py tests/test_encoding.py

.PHONY: app test check lint quick docs map checkpoints bench screenshots test-data clean

app: .venv/app
	$(BIN)/python app.py

# Browsers one after the other: two at a time on two cores are too slow for what the page promises.
test: .venv/dev test-data lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore=tests/page
	$(BIN)/python -m pytest tests/page

# Lint, and beside it the tests that need no browser, no subprocess and no real training; of the tests that train each
# GAN for a few steps, those of a few GANs (tests/few.py).
check: .venv/dev
	$(MAKE) -j 2 lint quick

quick: .venv/dev
	$(BIN)/python -m pytest -q -p no:logging -n 2 --dist worksteal -m "not slow" --ignore=tests/page $(READ:%=--ignore=%)

# What can be checked without running anything, in under half a minute: style, types, and the tests that read the sources.
lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if test -x $(BIN)/oxlint; then $(BIN)/oxlint --deny-warnings fashiongan/ui; else echo "No oxlint here: JS unchecked."; fi
	$(BIN)/mypy
	$(BIN)/python -m pytest -q --noconftest $(READ)

# What documents take from the code: endpoints, limits, numbers, and the picture of the imports.
docs: .venv/dev map
	$(BIN)/python docs/generate.py
	$(BIN)/python benchmarks/structure.py --at e45596f --write

map: .venv/dev
	$(BIN)/python docs/map.py

# Train every bundled checkpoint, each from where it stopped; on a GPU if there is one. With MINUTES=10 for so long only,
# what is worth most first, several side by side on a GPU; what did not end goes on the next time.
checkpoints: .venv/app
	$(BIN)/python -m fashiongan bundle $(if $(MINUTES),--minutes $(MINUTES) --keep runs/kept)

# How fast everything is here; into benchmarks/README.md.
bench: .venv/dev test-data
	$(BIN)/python benchmarks/bench.py

# Every tab at four window sizes, light and dark, into screenshots/, to be looked at.
screenshots: .venv/dev test-data
	$(BIN)/python benchmarks/screenshots.py

.venv/app: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	touch $@

.venv/dev: requirements.txt requirements-dev.txt .venv/app
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	touch $@

# The real garments and a browser, where they can be had; without them their tests are skipped, and say so.
test-data:
	@test -e /usr/share/datasets/fashion-mnist -a -x /usr/bin/chromium || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends dataset-fashion-mnist chromium fonts-dejavu-core; } || \
	echo "No dataset-fashion-mnist or chromium here: their tests will be skipped."

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
