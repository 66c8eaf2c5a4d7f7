# A short name for each use of the build. On a bare Debian 12 that has only `make`, `make demo` and `make
# test` install what they need first. How things are built stands in CMakePresets.json, not here: every line
# below can be typed by hand.
.DEFAULT_GOAL := help
.PHONY: help demo test sanitize sanitize-clang tsan valgrind soak fuzz differential mutants bench install docs \
	notebooks format prepare-demo prepare-test prepare-docs prepare-notebooks prepare-bench

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
PROGRAMS ?= 6000

help:
	@echo 'make demo       builds the program and shows what it does'
	@echo 'make test       all tests, and those of the libraries once more with sanitizers'
	@echo 'make sanitize   all tests with AddressSanitizer and UndefinedBehaviorSanitizer, by g++'
	@echo 'make sanitize-clang  the same by clang 19'
	@echo 'make tsan       all tests with ThreadSanitizer, by clang 19'
	@echo 'make valgrind   the tests of the loop library under valgrind'
	@echo 'make mutants    breaks the loop library in many small ways, and wants the tests to notice'
	@echo 'make soak       the real loop with 10,000 connections, 100,000 one after the other, a GiB in one write'
	@echo 'make fuzz       libFuzzer looks for input that breaks a parser, FUZZ_SECONDS=$(FUZZ_SECONDS) each, by clang 19'
	@echo 'make differential  random programs on CPython 3.13 or newer and on ours, PROGRAMS=$(PROGRAMS), and what differs'
	@echo 'make bench      the benchmarks, and docs/performance.md from them'
	@echo 'make install    the libraries and the program, to $$DESTDIR and PREFIX=$(PREFIX)'
	@echo 'make docs       the manual, to build/release/docs/html/index.html'
	@echo 'make notebooks  runs the notebooks, to build/release/notebooks/*.html'
	@echo 'make format     clang-format over all sources'

# Each looks whether anything is missing, and does nothing if not.
prepare-demo:
	@sh .ci/prepare demo
prepare-test:
	@sh .ci/prepare test
prepare-docs:
	@sh .ci/prepare docs
prepare-notebooks:
	@sh .ci/prepare notebooks
prepare-bench:
	@sh .ci/prepare bench

demo: prepare-demo
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target orrery
	sh simulator/tools/demo.sh build/release/orrery

# With sanitizers it is clang that builds, in half the time of g++. The release build comes last, so that the last
# thing on the screen is the summary of all tests.
test: prepare-test prepare-docs prepare-notebooks
	cmake --preset clang
	cmake --build --preset quick --parallel $(JOBS)
	ctest --preset quick --parallel $(JOBS)
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS)
	ctest --preset release --parallel $(JOBS)

sanitize: prepare-test
	cmake --preset dev
	cmake --build --preset dev --parallel $(JOBS)
	ctest --preset dev --parallel $(JOBS)

sanitize-clang: prepare-test
	cmake --preset clang
	cmake --build --preset clang --parallel $(JOBS)
	ctest --preset clang --parallel $(JOBS)

tsan: prepare-test
	cmake --preset tsan
	cmake --build --preset tsan --parallel $(JOBS)
	ctest --preset tsan --parallel $(JOBS)

# What is left out: children, since valgrind 3.19 does not know pidfd_open(); tests that count or use up
# descriptors, some of which are valgrind's; deaths; writing below what is in use of a stack; and tens of thousands of
# stacks or connections, which take it hours.
VALGRIND_LEFT_OUT = *Child*:*Process*:*Subprocess*:*Program*:Communicate*:*Descriptors*:*DeathTest*:AStack.*:OpenSslOnAFiber.*:Many*:UnderLoad.*
valgrind: prepare-test
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target reference_tests
	valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite --suppressions=tests/valgrind.supp \
		build/release/tests/reference_tests --gtest_brief=1 --gtest_filter='-$(VALGRIND_LEFT_OUT)'

soak: prepare-test
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target reference_tests
	ORRERY_SOAK=1 ctest --preset release -R '^reference\.(UnderLoad|Programs)'

# New finds go to build/fuzz/found/; what breaks something is named on the screen, and belongs into tests/fuzz/corpus/.
fuzz: prepare-test
	cmake --preset fuzz
	cmake --build --preset fuzz --parallel $(JOBS)
	set -e; for folder in tests/fuzz/corpus/*; do \
	  target=$$(basename $$folder); mkdir -p build/fuzz/found/$$target; \
	  ORRERY_FUZZ=$$target build/fuzz/tests/orrery_fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=4096 \
	    -print_final_stats=1 -artifact_prefix=build/fuzz/$$target- build/fuzz/found/$$target $$folder; done

# Status 77: no CPython of 3.13 or newer was found, as the script has said.
differential: prepare-test
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target conformance_tests
	python3 -B tests/conformance/differential/compare.py --count $(PROGRAMS) || test $$? = 77
	python3 -B tests/conformance/differential/compare.py --count $(PROGRAMS) --in-a-world || test $$? = 77

mutants: prepare-test
	python3 tests/mutation/run.py

bench: prepare-bench
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target orrery_benchmarks echo_benchmark
	build/release/tests/orrery_benchmarks
	python3 -B tests/benchmarks/echo/run.py build/release

install: prepare-demo
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target orrery
	cmake --install build/release --prefix "$(PREFIX)"

docs: prepare-docs
	cmake --preset release -D ORRERY_BUILD_DOCS=ON
	cmake --build --preset release --target docs

notebooks: prepare-notebooks
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target notebook_programs
	python3 -B notebooks/run.py build/release

# Other versions of clang-format lay some lines out differently.
format:
	find reference simulator tests tutorials notebooks -name '*.[ch]pp' -exec clang-format-19 -i {} +
