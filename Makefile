# The front door. Everything real is in meson.build and tools/; each target does its own set-up.
#
#   make            what `make run` needs, built into build/gcc
#   make run        a sample volume and share, tiered by a sample rule; Ctrl-C stops it (ARGS=--once: it ends by itself)
#   make run-clean  removes its data
#   make test       every suite; ends with "N passed, N failed"      ARGS="--only gcc,gate" some of it
#   make bench      name, value, unit, peer, peer's value, ratio; a figure a line
#   make torture ROUNDS=1000 SEED=1      the tree of 10,000 files on three filesystems (TREES= leaves it out), then crashes under readers, then recalls through the filter driver's stand-in
#   make fuzz MIN=10   each parser for MIN minutes
#   make check      import table, banned calls, lengths, OpenAPI against the routes
#   make install DESTDIR=... PREFIX=/usr      programs, units, manual pages, completion, console
SHELL := /bin/bash
BUILD := build/gcc
ROUNDS ?= 1000
SEED ?= 1
TREES ?= xfs ext4 btrfs
MIN ?= 10
PREFIX ?= /usr
DESTDIR ?=

.PHONY: all deps third console run run-clean test bench torture fuzz check install clean
all: third console
	@tools/build.sh gcc

deps:
	@tools/deps.sh build

third: deps
	@tools/duckdb/fetch.sh
	@tools/libsmb2.sh

console: deps
	@tools/console.sh

run:
	@tools/deps.sh run
	@$(MAKE) --no-print-directory third console
	@tools/build.sh gcc programs
	@tools/run/run $(ARGS)

run-clean:
	@tools/run/run --clean

test:
	@[ -x /usr/bin/python3 ] || tools/deps.sh test
	@tools/test/run $(ARGS)

bench:
	@tools/deps.sh bench
	@$(MAKE) --no-print-directory all >&2
	@bench/run

torture:
	@tools/deps.sh test
	@$(MAKE) --no-print-directory all
	@for fs in $(TREES); do echo "# the tree on $$fs"; python3 test/e2e/big_tree.py --full --fs $$fs || exit 1; done
	@test/torture/run --rounds $(ROUNDS) --seed $(SEED)
	@test/torture/ease --recalls 20000 --kills 6 --seed $(SEED)

fuzz:
	@tools/deps.sh test
	@tools/test/fuzz --minutes $(MIN)

check:
	@tools/check/all

install: third console
	@PREFIX=$(PREFIX) tools/build.sh release programs
	@DESTDIR=$(DESTDIR) meson install -C build/release --no-rebuild --quiet

clean:
	rm -rf build
