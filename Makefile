# The only definition of each check; CI runs these very targets.
.DEFAULT_GOAL := help
PYTHON ?= /usr/bin/python3
BIN := .venv/bin

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

.PHONY: setup
setup: .venv/.ready ## make the virtual environment with everything locked and hashed

.venv/.ready: requirements/dev.txt pyproject.toml
	@scripts/setup-venv $(PYTHON) requirements/dev.txt
	@touch $@

.venv/.runs: requirements/run.txt pyproject.toml
	@test -e .venv/.ready || scripts/setup-venv $(PYTHON) requirements/run.txt
	@touch $@

.PHONY: demo
demo: .venv/.runs ## a small living fleet and its console at http://127.0.0.1:8080 (ARGS=--reset starts over)
	@$(BIN)/cebox demo $(ARGS)

.PHONY: check
check: setup ## style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: fix
fix: setup ## repair style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

TEST_PACKAGES := postgresql erofs-utils nginx-light time qemu-system-x86 ovmf systemd-boot-efi mtools dosfstools \
	e2fsprogs fdisk cryptsetup-bin busybox-static dmsetup binutils
PYTEST := $(BIN)/pytest -n 4 --dist worksteal --ignore=tests/browser --durations=20 --durations-min=5

.PHONY: test
test: setup check ## style, types, layers, and the tests on SQLite (installs Debian packages if root, else names them)
	@scripts/debian-packages $(TEST_PACKAGES)
	$(PYTEST) -m "not long" $(ARGS)

.PHONY: test-long
test-long: setup ## the other tests: on PostgreSQL, the whole procedure, processes killed, lines cut, firmware
	@scripts/debian-packages $(TEST_PACKAGES)
	$(PYTEST) -m long $(ARGS)

.PHONY: test-browser
test-browser: setup ## the console's pages in a real browser, live, and without a fault of accessibility
	@# libatomic1 is for the browser driver of playwright
	@scripts/debian-packages chromium libatomic1
	$(BIN)/pytest -n 2 --dist loadfile tests/browser $(ARGS)

.PHONY: screenshots
screenshots: setup ## pictures of the console's pages into docs/guide/images
	@scripts/debian-packages chromium libatomic1
	$(BIN)/python -m tests.browser.screenshots docs/guide/images

.PHONY: real
real: setup ## the procedure on two real Debian images, with measures
	@scripts/debian-packages mmdebstrap erofs-utils
	$(BIN)/python -m bench.real

VM_PACKAGES := mmdebstrap erofs-utils cryptsetup-bin binutils fdisk dosfstools mtools e2fsprogs systemd-boot-efi \
	qemu-system-x86 ovmf

.PHONY: vm-test
vm-test: setup ## keys, updates, falling back and power cuts on real machines in an emulator (ARGS=--only home)
	@scripts/debian-packages $(VM_PACKAGES)
	$(BIN)/python -m bench.vm $(ARGS)

.PHONY: vm-soak
vm-soak: setup ## bad releases of every kind and power cuts by the dozen, in pieces (ARGS=--fresh starts over)
	@scripts/debian-packages $(VM_PACKAGES)
	$(BIN)/python -m bench.soak $(ARGS)

.PHONY: vm-desktop
vm-desktop: setup ## the workstation with a person at it: told of a restart, at work, switching off (ARGS="--only session")
	@scripts/debian-packages $(VM_PACKAGES)
	$(BIN)/python -m bench.desktop $(ARGS)

.PHONY: fuzz
fuzz: setup ## fuzz the readers of foreign bytes for a minute (SECONDS=600 for longer)
	$(BIN)/python -m fuzz.run --seconds $(or $(SECONDS),60)

.PHONY: bench-transport
bench-transport: setup ## bytes, time and memory of ours and every other transport on real images (PAIR=old.img:new.img; ARGS=--fresh)
	@scripts/debian-packages mmdebstrap erofs-utils casync xdelta3 ostree bsdiff zchunk zstd xz-utils time
	$(BIN)/python -m bench.transport $(if $(PAIR),--pair $(PAIR)) $(ARGS)

.PHONY: bench-serve
bench-serve: setup ## bytes per server CPU second: built-in server, nginx and a bare sendfile loop
	@scripts/debian-packages nginx-light
	$(BIN)/python -m bench.serve

.PHONY: bench-console
bench-console: setup ## server time and weight of each page at 100,000 devices, SQLite and PostgreSQL (ARGS="--engine sqlite")
	@scripts/debian-packages postgresql
	$(BIN)/python -m bench.console $(ARGS)

.PHONY: docs
docs: setup ## write the generated pages anew
	$(BIN)/python -m scripts.document_errors
	$(BIN)/python -m cebox.cli.reference docs/cli.md
	$(BIN)/python -m scripts.draw_states
	$(BIN)/python -m scripts.document_settings

.PHONY: measures
measures: setup ## write docs/measures.md from the last runs
	$(BIN)/python -m bench.measures
	$(BIN)/python -m bench.plot

.PHONY: lock
lock: setup ## renew the hashed locks
	scripts/lock
