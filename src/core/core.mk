# The core as a static library: no PostgreSQL header is in reach of it, and PGXS's flags are not used.
# PROFILE is PGXS's hook for flags such as -Werror, GIVEN_CXXFLAGS what whoever builds has in CPPFLAGS and CXXFLAGS.

CORE_LIB = build/core/libcontact_core.a
CORE_SOURCES = $(sort $(wildcard src/core/*.cpp))
CORE_OBJECTS = $(CORE_SOURCES:src/core/%.cpp=build/core/%.o)
CORE_WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
CORE_CXXFLAGS = -std=c++20 -O2 -g -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -fstack-protector-strong \
	$(CORE_WARNINGS) $(SAME_BYTES) $(PROFILE) $(GIVEN_CXXFLAGS)

$(CORE_LIB): $(CORE_OBJECTS)
	rm -f $@
	$(AR) rcsD $@ $^

build/core/%.o: src/core/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(CORE_CXXFLAGS) -MMD -MP -c -o $@ $<

-include $(CORE_OBJECTS:.o=.d)
