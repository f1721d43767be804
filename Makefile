# contact_upsert: create-or-update a contact by e-mail address inside PostgreSQL.
#
#   make                 build the extension, contact-worker and contact-import
#   make install         install all of it (as root, or with sudo)
#   make installcheck    SQL and isolation tests against the server that PGHOST, PGPORT and PGUSER name
#   make uninstall, make clean
#
#   make demo            install what is missing, build, and show it at work on a throwaway server
#   make check           install what is missing, build with -Werror, run every suite below, count
#   make regress         SQL tests; REGRESS="a b" runs some      (each on a throwaway server)
#   make isolation       concurrency tests; ISOLATION="a b"
#   make tap             dump, upgrade, crash, worker; PROVE_TESTS="test/t/a.pl"
#   make documents       what the documents claim: test/*/check_*.sh
#   make check-clients   the table of requests of test/clients through ORMs and more drivers, directly and through pgbouncer, and
#                        their rows in docs/clients.md; CLIENTS="pgx prisma" (installs 2 GB that building does not need)
#   make unit            the core alone, under sanitizers
#   make fuzz-corpus     the fuzzers' corpora, replayed; make fuzz and make fuzz-rows look for more
#   make headers         compiles against the server headers of every other PostgreSQL that Debian has
#   make newer           regress and isolation with the next newer PostgreSQL of Debian, in a chroot (root or sudo)
#   make symbols         nothing leaks through the wall between C and C++
#   make freeze          at a release: keeps its SQL script, from which test/t/upgrade.pl upgrades ever after
#   make lint            clang-tidy, shellcheck, one version everywhere
#   make format-check    clang-format; make format applies it
#   make bench           timings beside other ways, and docs/bench.svg; takes a quarter of an hour
#   make bench-scale     the cost of a contact among 10,000 to 5,000,000; make bench-memory, of a session over many calls
#   make bench-sizes     what contacts, events and history take on disk, for docs/scale-out.md
#   make bench-events    timings of the outbox and NOTIFY; make bench-history, of the levels of history
#   make bench-instructions   instructions of a call and of an array's element beside the bare statement's, counted by valgrind
#   make bench-import    files of 10,000 and 1,000,000 rows by contact-import and contacts.import beside COPY, and memory
#   make check-pg PG=17  every suite with that PostgreSQL, in a chroot, and its row in the README (root only)
#   make check-pg-all    the same with each PostgreSQL from 15 on that Debian or Ubuntu has, half an hour each; PG="18 19" for some
#   make check-compilers   no warning and no failed unit test with any GCC from 11 on and clang from 14 on, of the last commit,
#                        in chroots (root only); COMPILERS="gcc-13 clang-19" SUITES="all symbols"
#   make check-arch ARCH=i386   every suite on 32 bits, in a chroot; SUITES="regress" for some (root only)
#   make check-arch ARCH="arm64 s390x"   the last commit's unit tests as other processors run them, by qemu (root only)
#   make check-pg-upgrade FROM=15 PG=17   pg_upgrade from one to the other, in such a chroot
#   make check-fresh RELEASE=trixie WHO=root|user   the README's first steps and every suite on a fresh machine (root only)
#   make check-citus     what distributed tables promise, with an installed Citus: PG_CONFIG=/path/to/its/pg_config
#   make dist            the archive of a release, from the last commit; REPOSITORY=<public address> goes into its META.json
#   make dist-check      unpacks that archive, builds and tests it
#   make check-deb       Debian packages, built, installed, upgraded and removed on clean machines; RELEASE=trixie for another release
#   make check-archive   the archive of a release as PGXN's client and rpmbuild take it
#   make check-image     the images of packaging/docker, and the extension as CloudNativePG mounts it, with PostgreSQL 18
#                        (root only, from the last commit, in chroots; a quarter of an hour each)
#   make check-asan      regress, isolation, tap and documents with server, library and worker under sanitizers; SUITES="regress"
#   make check-valgrind  regress and isolation on servers under valgrind; SUITES="tap" PROVE_TESTS="test/t/notify.pl"
#                        (both build a PostgreSQL of their own from Debian's source, and take half an hour and more)
#   make coverage        the lines of library, core and programs that the suites run; SUITES="regress"; build/coverage/html shows them
#   make check-partitioned   the TAP tests where install() makes hash-partitioned tables; PROVE_TESTS="test/t/a.pl"
#   make bench-scale-out     partitioned tables, PL/Proxy and direct connections beside plain tables: rates and CPU of a call, as ratios of one run
#   make bench-scale-out-instructions   the same in instructions of a call, counted by valgrind: what a busy machine cannot blur
#   make setup           only install the Debian packages that building and running need
#
# PG_CONFIG=/path/to/pg_config chooses the PostgreSQL; by default the first on PATH, else the newest installed. What comes after
# the build (install, installcheck, uninstall) stays with the one that it was built for: sudo does not pass PG_CONFIG on.

ifneq (,$(word 2,$(CURDIR)))
$(error make cannot build in a path with a space, "$(CURDIR)": move the directory to another one)
endif

AFTER_BUILD = install installcheck installdirs uninstall
ifndef PG_CONFIG
ifneq (,$(MAKECMDGOALS))
ifeq (,$(filter-out $(AFTER_BUILD),$(MAKECMDGOALS)))
PG_CONFIG := $(file < build/pg_config)
endif
endif
ifeq (,$(PG_CONFIG))
PG_CONFIG := $(shell scripts/pg_config.sh 2>/dev/null)
endif
endif
export PG_CONFIG

all:

# These need no PostgreSQL yet, and PGXS has a "check" of its own: they leave PGXS out.
STANDALONE = help setup demo check check-arch check-compilers check-pg check-pg-all check-pg-upgrade check-fresh check-deb check-archive check-image check-asan check-valgrind coverage dist dist-check
ifneq (,$(filter $(STANDALONE),$(MAKECMDGOALS)))

.NOTPARALLEL:
.PHONY: all $(MAKECMDGOALS)

help:
	@sed -n 's/^#   //p' Makefile

setup:
	@scripts/setup.sh demo

demo:
	@scripts/demo.sh

check:
	@scripts/check.sh

check-pg:
	@scripts/check_pg.sh "$(PG)"

check-pg-all:
	@scripts/check_pg_all.sh $(PG)

check-compilers:
	@SUITES="$(SUITES)" scripts/check_compilers.sh $(COMPILERS)

check-arch:
	@scripts/check_arch.sh $(ARCH) $(SUITES)

check-pg-upgrade:
	@test -n "$(FROM)" || { echo "Which PostgreSQLs? Say make check-pg-upgrade FROM=15 PG=17, for example." >&2; exit 2; }
	@OLDER="$(FROM)" scripts/check_pg.sh "$(PG)" pg-upgrade

check-fresh:
	@scripts/check_fresh.sh "$(RELEASE)" "$(or $(WHO),user)"

check-deb:
	@scripts/check_deb.sh $(RELEASE)

check-archive:
	@scripts/check_archive.sh

check-image:
	@scripts/check_image.sh

dist:
	@scripts/dist.sh "$(REPOSITORY)"

dist-check:
	@scripts/dist.sh check

check-asan:
	@scripts/check_asan.sh $(SUITES)

check-valgrind:
	@scripts/check_valgrind.sh $(SUITES)

coverage:
	@scripts/coverage.sh $(SUITES)

all $(filter-out all $(STANDALONE),$(MAKECMDGOALS)):
	@$(MAKE) --no-print-directory $@

else

EXTENSION = contact_upsert contact_upsert_proxy
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" contact_upsert.control)

MODULE_big = contact_upsert
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/pg/*.c)))
SHLIB_EXPORTS = $(wildcard src/pg/exports.txt)
SHLIB_LINK = $(CORE_LIB) -lstdc++

# The parts of the install script, in order.
SQL_PARTS = $(patsubst %,sql/%.sql,contact_upsert numbering definitions defining partitions contacts reading events claim history import_progress import_columns import_check import_begin import import_view undo_begin undo_plan undo erasure addresses merging monitoring serving access handing_over protection distribute undistribute install)
PROXY_PARTS = $(patsubst %,sql/proxy/%.sql,contact_upsert_proxy partitions contacts workspaces consumers monitoring direct access)
DATA = $(wildcard sql/contact_upsert--*--*.sql sql/contact_upsert_proxy--*--*.sql)
DATA_built = sql/contact_upsert--$(EXTVERSION).sql sql/contact_upsert_proxy--$(EXTVERSION).sql
# In a directory of their own: other extensions have a README and a licence, too.
DOCS = README.md LICENSE
override docmoduledir = extension/contact_upsert

# The programs: C++20 on libpq, with what both need in src/client.
objects_of = $(patsubst src/%.cpp,build/%.o,$(sort $(wildcard src/$(1)/*.cpp)))
CLIENT_OBJS = $(call objects_of,client)
WORKER_OBJS = $(call objects_of,worker)
IMPORT_OBJS = $(call objects_of,import)
PROGRAM_OBJS = $(CLIENT_OBJS) $(WORKER_OBJS) $(IMPORT_OBJS)
SCRIPTS_built = contact-worker contact-import

# The server's headers are system headers here: their warnings are not ours to mend.
PG_CPPFLAGS = -DCU_VERSION='"$(EXTVERSION)"' -Isrc -isystem $(includedir_server)
# An undeclared function compiles with GCC 13 and older, and is then missing when the library is loaded.
PG_CFLAGS = -std=gnu11 $(PG_WARNINGS) -Werror=implicit-function-declaration -MMD -MP
PG_WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wno-unused-parameter
# Files of more than 2 GB, where a long has 32 bits, too.
LARGE_FILES = -D_FILE_OFFSET_BITS=64
PROGRAM_CXXFLAGS = -std=c++20 $(LARGE_FILES) -O2 -g -fstack-protector-strong -Wall -Wextra -Wshadow -Wconversion $(SAME_BYTES) $(PROFILE) $(GIVEN_CXXFLAGS)

# No object names the directory that it was built in: two builds in two places are the same bytes.
SAME_BYTES = -ffile-prefix-map=$(CURDIR)=.
PG_CFLAGS += $(SAME_BYTES)

# Flags of the environment or the command line, a distributor's mostly, before PGXS has the server's in their place. They come last, so that
# they win, and replace none: "make CFLAGS=-O0" would else lack the server's -fwrapv. Not exported: what make runs would get the server's.
given = $(if $(filter environment command,$(firstword $(origin $(1)))),$($(1)))
GIVEN_CPPFLAGS := $(call given,CPPFLAGS)
GIVEN_CFLAGS := $(call given,CFLAGS)
GIVEN_CXXFLAGS := $(call given,CXXFLAGS) $(GIVEN_CPPFLAGS)
GIVEN_LDFLAGS := $(call given,LDFLAGS)
override undefine CPPFLAGS
override undefine CFLAGS
override undefine CXXFLAGS
override undefine LDFLAGS
unexport CPPFLAGS CFLAGS CXXFLAGS LDFLAGS

# No function of ours is small enough for the JIT to inline.
override with_llvm = no

REGRESS = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=contact_upsert
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
# outputdir: where PostgreSQL 15 and older look for expected/
ISOLATION_OPTS = --inputdir=test --outputdir=. --load-extension=contact_upsert

EXTRA_CLEAN = build contact-worker contact-import src/pg/*.o src/pg/*.d src/pg/exports.list $(DATA_built)

include $(wildcard src/core/core.mk test/unit/unit.mk)

PG_VERSION := $(shell $(PG_CONFIG) --version 2>/dev/null)
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq (,$(PG_CONFIG))
$(error There is no pg_config: run "make setup", or name one with PG_CONFIG=/path/to/pg_config)
else ifeq (,$(PG_VERSION))
$(error PG_CONFIG=$(PG_CONFIG) cannot be run: name the pg_config of the PostgreSQL to build for)
else ifneq (,$(filter 8.% 9.% 10.% 11.% 12.% 13.% 14.%,$(word 2,$(PG_VERSION))))
$(error contact_upsert needs PostgreSQL 15 or later, and $(PG_CONFIG) is $(PG_VERSION): \
name another with PG_CONFIG=/path/to/pg_config)
else ifeq (,$(wildcard $(PGXS)))
$(error The server headers of $(PG_VERSION) are missing ($(PG_CONFIG) --pgxs names no file): \
run "make setup", install postgresql-server-dev-NN, or name another with PG_CONFIG=/path/to/pg_config)
endif
include $(PGXS)

# The server's flags are those of the compiler that it was built with, GCC mostly: clang does not know all of them, and each would be a
# warning, an error with -Werror. These say no more than that; what clang finds in our code is reported.
ifneq (,$(findstring clang,$(shell $(CC) --version 2>/dev/null)))
override CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument
endif

override CPPFLAGS += $(GIVEN_CPPFLAGS)
override CFLAGS += $(GIVEN_CFLAGS)
override LDFLAGS += $(GIVEN_LDFLAGS)

# Objects of one PostgreSQL are of no use to another: these files change when the server does.
BUILT_FOR := $(PG_VERSION) $(shell $(PG_CONFIG) --pkglibdir) $(EXTVERSION)
ifneq ($(file < build/built-for),$(BUILT_FOR))
ifeq (,$(filter clean uninstall,$(MAKECMDGOALS)))
$(info Building for $(PG_VERSION), whose pg_config is $(PG_CONFIG))
$(shell mkdir -p build && rm -f build/built-for build/pg_config && \
	echo '$(BUILT_FOR)' >build/built-for && echo '$(PG_CONFIG)' >build/pg_config)
endif
endif
$(OBJS) $(PROGRAM_OBJS): build/built-for
build/built-for: ;

# A sentence in place of a page of errors.
$(CORE_OBJECTS) $(PROGRAM_OBJS): build/compiler
$(IMPORT_OBJS): build/libcsv
$(OBJS): | build/compiler
build/compiler:
	@mkdir -p $(@D)
	@printf '#include <chrono>\n#include <span>\nstatic_assert(std::chrono::year{2024}.is_leap());\n' | \
		$(CXX) -std=c++20 -fsyntax-only -x c++ - 2>$@.log || { cat $@.log; \
		echo "$(CXX) does not compile C++20: install GCC 11, clang 14 or later, or name one with CXX=..." >&2; exit 1; }
	@$(CXX) --version >$@
build/libcsv:
	@mkdir -p $(@D)
	@printf '#include <csv.h>\n' | $(CXX) -fsyntax-only -x c++ - 2>$@.log || { cat $@.log; \
		echo "csv.h is missing, which contact-import reads files with: run \"make setup\", or install libcsv-dev" >&2; exit 1; }
	@touch $@

$(MODULE_big)$(DLSUFFIX): $(CORE_LIB)

sql/contact_upsert--$(EXTVERSION).sql: $(SQL_PARTS) contact_upsert.control
	cat $(SQL_PARTS) >$@

sql/contact_upsert_proxy--$(EXTVERSION).sql: $(PROXY_PARTS) contact_upsert_proxy.control
	cat $(PROXY_PARTS) >$@

contact-worker: $(CLIENT_OBJS) $(WORKER_OBJS) $(CORE_LIB)
	$(CXX) $(PROGRAM_CXXFLAGS) -o $@ $^ $(LDFLAGS) -L$(libdir) -lpq

contact-import: $(CLIENT_OBJS) $(IMPORT_OBJS) $(CORE_LIB)
	$(CXX) $(PROGRAM_CXXFLAGS) -o $@ $^ $(LDFLAGS) -L$(libdir) -lpq -lcsv

$(PROGRAM_OBJS): build/%.o: src/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(PROGRAM_CXXFLAGS) -DCONTACT_UPSERT_VERSION='"$(EXTVERSION)"' -Isrc -I$(includedir) -MMD -MP -c -o $@ $<

-include $(OBJS:.o=.d) $(PROGRAM_OBJS:.o=.d)

.PHONY: installed freeze server-fits headers newer regress isolation tap documents symbols lint format format-check bench bench-scale bench-memory bench-events bench-history

# A sentence in place of a page of failed tests.
installcheck: server-fits
server-fits:
	@scripts/check_server.sh $(EXTVERSION)

# What the tests run is what is installed; sudo only for the copying, and only when something changed.
installed: all
	+@scripts/install.sh

INSTALLCHECK = $(MAKE) --no-print-directory installcheck
SHOW_DIFFS = { head -n 500 regression.diffs; exit 1; }

regress: installed
	+@rm -f regression.diffs; scripts/server.sh $(INSTALLCHECK) ISOLATION= || $(SHOW_DIFFS)

isolation: installed
	+@rm -f regression.diffs; scripts/server.sh $(INSTALLCHECK) REGRESS= || $(SHOW_DIFFS)

tap: installed
	@scripts/tap.sh $(PROVE_TESTS)

documents: installed
	@failed=0; for script in test/*/check_*.sh; do scripts/server.sh "$$script" || failed=1; done; exit $$failed

# The chroot of make check-pg-upgrade has both servers.
.PHONY: pg-upgrade
pg-upgrade: installed
	+@scripts/pg_upgrade.sh "$(OLDER)"

.PHONY: check-partitioned
check-partitioned: installed
	@scripts/check_partitioned.sh $(PROVE_TESTS)

# JDBC wants a port: any that is free.
.PHONY: check-clients
check-clients: installed
	@scripts/setup.sh clients
	@SERVER_PORT=$$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])') \
		scripts/server.sh test/clients/every_client.sh $(CLIENTS)
	@scripts/server.sh test/clients/every_migration.sh

.PHONY: check-citus
check-citus: installed
	@scripts/check_citus.sh $(PROVE_TESTS)

newer:
	@scripts/newer.sh

headers:
	@PG_WARNINGS="$(PG_WARNINGS)" scripts/headers.sh

symbols: all
	@scripts/symbols.sh $(MODULE_big)$(DLSUFFIX) $(CORE_LIB)

# At a release: the script that its users have, for the tests of later upgrades.
freeze: $(DATA_built)
	@mkdir -p test/upgrade
	cp $^ test/upgrade/

lint: $(DATA_built)
	@scripts/lint.sh

format format-check:
	@scripts/format.sh $@

# Timings want a server that flushes, as a real one does, with its tables in memory, files for WAL at hand and nothing going on
# behind its back.
BENCH_SERVER = -c fsync=on -c wal_level=replica -c min_wal_size=8GB -c max_wal_size=32GB -c checkpoint_timeout=1h -c autovacuum=off

bench: installed build/bench/peers_bench
	@scripts/setup.sh bench
	@SERVER_OPTIONS='$(BENCH_SERVER) -c shared_buffers=2GB' scripts/server.sh test/bench/bench.sh docs/bench.svg

build/bench/peers_bench: test/bench/peers_bench.cpp build/compiler
	@mkdir -p $(@D)
	$(CXX) $(PROGRAM_CXXFLAGS) -I$(includedir) -o $@ $< $(LDFLAGS) -L$(libdir) -lpq

bench-scale: installed
	@SERVER_OPTIONS='$(BENCH_SERVER) -c shared_buffers=8GB' scripts/server.sh test/bench/scale.sh

bench-memory: installed
	@scripts/server.sh test/bench/memory.sh

bench-history: installed
	@SERVER_OPTIONS='$(BENCH_SERVER) -c contact_upsert.notify=off' scripts/server.sh test/bench/bench_history.sh

.PHONY: bench-sizes
bench-sizes: installed
	@SERVER_OPTIONS='$(BENCH_SERVER) -c shared_buffers=4GB' \
		scripts/server.sh psql -qX -v contacts=$(or $(CONTACTS),1000000) -f test/bench/sizes.sql

.PHONY: bench-instructions
bench-instructions: installed
	@scripts/setup.sh bench
	@test/bench/instructions.sh

.PHONY: bench-scale-out
bench-scale-out: installed
	@test/bench/scale_out.sh

.PHONY: bench-scale-out-instructions
bench-scale-out-instructions: installed
	@test/bench/scale_out_instructions.sh

.PHONY: bench-import
bench-import: installed build/bench/peers_bench
	@SERVER_OPTIONS='$(BENCH_SERVER) -c shared_buffers=2GB' scripts/server.sh test/bench/bench_import.sh

# The disk as it is, then one that takes its time, where NOTIFY hurts most.
bench-events: installed
	@SERVER_OPTIONS='$(BENCH_SERVER)' scripts/server.sh test/bench/bench_events.sh one
	@SERVER_OPTIONS='$(BENCH_SERVER) -c track_commit_timestamp=on' scripts/server.sh test/bench/bench_events.sh latency
	@SERVER_OPTIONS='-c fsync=on' scripts/server.sh test/bench/bench_events.sh throughput
	@SERVER_OPTIONS='-c fsync=on -c commit_delay=1000 -c commit_siblings=0' \
		scripts/server.sh test/bench/bench_events.sh throughput
	@scripts/server.sh test/bench/bench_events.sh drain
	@scripts/server.sh test/bench/bench_events.sh horizon

endif
