.PHONY: help up down demo test soak bench check sbom watch watched unwatched logs page deploy fmt clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

up:  ## start (or refresh) the whole system on this machine
	infra/local/stack.py up

down:  ## stop it
	infra/local/stack.py down

demo: up  ## run workflows in it by webhook, and show live what they answer
	. "$${LOCAL_DIR:-.local}/env" && python3 infra/local/demo.py

logs:  ## print the logs of the local functions
	infra/local/stack.py logs

page:  ## build the console's page into functions/console/dist
	infra/local/page-tools
	npm run --silent --prefix functions/console/page build

watch:  ## serve all functions with hot reload (cargo lambda watch)
	infra/local/stack.py watch

watched:  ## send the local AWS's invocations to the watched functions
	infra/local/stack.py watched on

unwatched:  ## and back to its own
	infra/local/stack.py watched off

test:  ## unit tests, then end-to-end tests and made-up requests against a local stack of their own
	infra/local/test

soak:  ## a million made-up documents, templates, signatures and streams, then ten minutes of made-up requests
	infra/local/soak

bench:  ## measure functions and runs, write docs/performance.md (some ten minutes, on an idle machine)
	tests/bench/bench.py

check:  ## format, lints, docs, links, dependencies, template, state machines, scripts
	infra/local/check

sbom:  ## write the bill of materials, and look for advisories where their database can be had
	infra/local/sbom

fmt:  ## format the Rust code
	cargo fmt --all

deploy:  ## deploy to AWS (BUCKET=..., STACK=openrouter-steps, ARCH=arm64)
	infra/deploy

clean: down  ## stop, and remove what was built and installed
	rm -rf target .local
