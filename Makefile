# Two commands are enough: `make run` and `make test`. Both install what this machine lacks.

.DEFAULT_GOAL := help
.PHONY: help run test bench lint format build clean
PORT ?= 8080

help: ## Say what there is to make
	@echo "make run     build, make a demo shop that keeps changing, and serve it (PORT=$(PORT))"
	@echo "make test    lint, build and run every test"
	@echo "make bench   measure the loads against the sqlite3 shell, and schedules"
	@echo "make build   build the program for use: .build/release/strandline"
	@echo "make lint    check the form of the Swift sources"
	@echo "make format  put the Swift sources in form"
	@echo "make clean   remove what was built and the demo's data"

run: build
	@examples/demo/run .build/release/strandline demo-data $(PORT)

test:
	@.ci/packages test
	@python3 .ci/test

bench: build
	@Tests/Bench/run .build/release/strandline

build:
	@.ci/packages build
	@echo "Building for release; the first time takes some minutes."
	@swift build -c release --product strandline

lint:
	swift format lint --recursive --strict Sources Tests Package.swift

format:
	swift format --in-place --recursive Sources Tests Package.swift

clean:
	rm -rf .build demo-data
