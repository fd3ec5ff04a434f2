# The two commands are `make run` and `make test`; `make help` lists the others.
.DEFAULT_GOAL := help
.PHONY: help run dev test web demo bench long fmt

CARGO ?= cargo
WEB_SOURCES := $(shell find web/src web/public web/index.html web/package-lock.json web/vite.config.ts web/svelte.config.js -type f 2>/dev/null)

help:
	@echo "make run    build everything (the first time takes some minutes) and start it, watching this host"
	@echo "make test   install what the tests need and run all of them"
	@echo "make dev    the same as run, with an unoptimised build that is made faster"
	@echo "make demo   a simulated site that speaks the real protocols, to look at"
	@echo "make long   the full lengths of what the tests run a part of: a twentieth of most,"
	@echo "            of schedules of faults on the way to people 60 of 10,000"
	@echo "make bench  speed and size as ratios to peers"

run: web
	@echo "Building the release; the first time takes some minutes."
	@$(CARGO) build --release --locked --package bellwether
	@exec target/release/bellwether serve $(ARGS)

dev: web
	@$(CARGO) run --locked --package bellwether -- serve $(ARGS)

# Without npm everything but the pages works, and the page says what is missing.
web:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory web/dist/ui/index.html; \
	else echo "The web UI needs Node 20.19 or newer (nodejs.org, or your distribution's package): going on without it."; fi

web/dist/ui/index.html: $(WEB_SOURCES)
	@cd web && npm ci --no-progress --silent && npm run --silent build

test:
	@$(CARGO) run --quiet --locked --package xtask -- test

demo: web
	@$(CARGO) build --release --locked --package bellwether
	@BELLWETHER_BIN=target/release/bellwether PYTHONPATH=scenarios exec python3 -m demo $(ARGS)

long:
	@$(CARGO) run --quiet --locked --package xtask -- long $(ARGS)

bench:
	@$(CARGO) run --quiet --locked --package xtask -- bench $(ARGS)

fmt:
	@$(CARGO) fmt --all
