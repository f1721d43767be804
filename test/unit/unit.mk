# Tests of the core alone: GoogleTest and the fuzzer, under sanitizers, and a micro-benchmark.
# FUZZ_SECONDS and FUZZ_CXX may be given.

# The code that is tested is compiled as users would run it, or nearly; the tests, which are more of it, to be there soon.
UNIT_OPTIMIZE = -O1
UNIT_SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_CXXFLAGS = -std=c++20 $(LARGE_FILES) $(UNIT_OPTIMIZE) -g -fno-omit-frame-pointer -DCU_PIECES_APART $(CORE_WARNINGS) -Isrc -Itest/unit $(PROFILE)
UNIT_CORE_OBJECTS = $(CORE_SOURCES:src/core/%.cpp=build/unit/core/%.o)
UNIT_HELPERS = $(patsubst %,build/unit/test/unit/%.o,json_document core_call row_call import_file)
# contact-import without its main()
UNIT_IMPORT_OBJECTS = $(patsubst src/%.cpp,build/unit/%.o,$(filter-out src/import/main.cpp,$(sort $(wildcard src/client/*.cpp src/import/*.cpp))))
UNIT_TESTS = $(patsubst %.cpp,build/unit/%.o,$(sort $(wildcard test/unit/*_test.cpp)))

FUZZ_SECONDS ?= 600
FUZZ_CXX ?= clang++
FUZZ_TEST = test/unit/json_document.cpp test/unit/core_call.cpp test/fuzz/raw_json.cpp test/fuzz/contact_core_fuzz.cpp
FUZZ_ROWS = test/unit/json_document.cpp test/unit/core_call.cpp test/unit/row_call.cpp test/fuzz/row_fuzz.cpp
FUZZ_OPTIONS = -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=10 -print_final_stats=1 -artifact_prefix=build/fuzz/

$(UNIT_TESTS) $(UNIT_HELPERS): UNIT_OPTIMIZE = -O0

.PHONY: unit fuzz fuzz-rows fuzz-corpus core-bench row-bench

unit: build/unit/unit_tests
	build/unit/unit_tests
	test/unit/generated_test.sh

fuzz-corpus: build/unit/replay build/unit/replay_rows
	build/unit/replay test/fuzz/corpus
	build/unit/replay_rows test/fuzz/rows

# New inputs go to build/fuzz/corpus; a finding is written to build/fuzz.
fuzz: build/fuzz/contact_core_fuzz
	@mkdir -p build/fuzz/corpus
	build/fuzz/contact_core_fuzz $(FUZZ_OPTIONS) -dict=test/fuzz/contact_core.dict build/fuzz/corpus test/fuzz/corpus

fuzz-rows: build/fuzz/row_fuzz
	@mkdir -p build/fuzz/rows
	build/fuzz/row_fuzz $(FUZZ_OPTIONS) -dict=test/fuzz/row.dict build/fuzz/rows test/fuzz/rows

core-bench: build/bench/core_bench
	build/bench/core_bench

# A row of eight cells: not more than 3 µs.
row-bench: build/bench/row_bench
	build/bench/row_bench

build/unit/unit_tests: $(UNIT_TESTS) $(UNIT_HELPERS) $(UNIT_CORE_OBJECTS) $(UNIT_IMPORT_OBJECTS)
	$(CXX) $(UNIT_SANITIZE) $(PROFILE) -o $@ $^ -lgtest -lgtest_main -L$(libdir) -lpq -lcsv -pthread

build/unit/replay: $(FUZZ_TEST:%.cpp=build/unit/%.o) build/unit/test/fuzz/replay_main.o $(UNIT_CORE_OBJECTS)
	$(CXX) $(UNIT_SANITIZE) $(PROFILE) -o $@ $^

build/unit/replay_rows: $(FUZZ_ROWS:%.cpp=build/unit/%.o) build/unit/test/fuzz/replay_main.o $(UNIT_CORE_OBJECTS)
	$(CXX) $(UNIT_SANITIZE) $(PROFILE) -o $@ $^

build/fuzz/contact_core_fuzz: $(patsubst %.cpp,build/fuzz/%.o,$(CORE_SOURCES) $(FUZZ_TEST))
	$(FUZZ_CXX) -fsanitize=fuzzer $(UNIT_SANITIZE) -o $@ $^

build/fuzz/row_fuzz: $(patsubst %.cpp,build/fuzz/%.o,$(CORE_SOURCES) $(FUZZ_ROWS))
	$(FUZZ_CXX) -fsanitize=fuzzer $(UNIT_SANITIZE) -o $@ $^

build/bench/core_bench: test/bench/core_bench.cpp test/unit/json_document.cpp $(CORE_LIB)
build/bench/row_bench: test/bench/row_bench.cpp $(CORE_LIB)
build/bench/core_bench build/bench/row_bench:
	@mkdir -p $(@D)
	$(CXX) $(CORE_CXXFLAGS) -Isrc -Itest/unit -o $@ $^ -lbenchmark -pthread

build/unit/core/%.o: src/core/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(UNIT_CXXFLAGS) $(UNIT_SANITIZE) -MMD -MP -c -o $@ $<

$(UNIT_IMPORT_OBJECTS): build/libcsv
$(UNIT_IMPORT_OBJECTS): build/unit/%.o: src/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(UNIT_CXXFLAGS) $(UNIT_SANITIZE) -DCONTACT_UPSERT_VERSION='"$(EXTVERSION)"' -I$(includedir) -MMD -MP -c -o $@ $<

build/unit/test/%.o: test/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(UNIT_CXXFLAGS) -I$(includedir) $(UNIT_SANITIZE) -MMD -MP -c -o $@ $<

build/fuzz/%.o: %.cpp
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(UNIT_CXXFLAGS) -fsanitize=fuzzer-no-link $(UNIT_SANITIZE) -MMD -MP -c -o $@ $<

-include $(patsubst %.o,%.d,$(wildcard build/unit/*/*.o build/unit/*/*/*.o build/fuzz/*/*/*.o))
