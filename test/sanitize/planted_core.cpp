// planted_core.cpp - planted.c's error in the memory of the core: the byte behind a piece of an Arena.
#include "core/arena.hpp"

extern "C" __attribute__((noinline)) bool
arena_overrun(const cu_host *host)
{
	contact::Arena arena(*host);
	volatile const char *piece = arena.make_vector<char>(13).data();

	return piece[13] == 0;
}
