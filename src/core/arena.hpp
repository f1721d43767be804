/*
 * arena.hpp - the memory of one call, and the only way from the core back to its caller.
 *
 * Everything comes from cu_host.alloc in growing chunks and is never freed here: the caller drops its memory as a
 * whole, also that of a call which failed. Throws std::bad_alloc when the host has no memory. What lives here is never
 * destroyed, so it must own nothing beyond the arena.
 */
#pragma once

#include "contact_core.h"

#include <memory_resource>
#include <new>
#include <utility>
#include <vector>

namespace contact {

/* cu_host.alloc as a memory resource. */
class HostMemory final : public std::pmr::memory_resource
{
public:
	explicit HostMemory(const cu_host &host) noexcept : host_(host) {}

private:
	void *do_allocate(std::size_t size, std::size_t alignment) override
	{
		void *memory = alignment <= alignof(std::max_align_t) ? host_.alloc(host_.context, size) : nullptr;
		if (memory == nullptr)
			throw std::bad_alloc();
		return memory;
	}

	void do_deallocate(void *, std::size_t, std::size_t) override {}

	bool do_is_equal(const memory_resource &other) const noexcept override { return this == &other; }

	const cu_host &host_;
};

class Arena
{
public:
	/* first_chunk: bytes that are taken at once; by default what a decision on a handful of fields takes. */
	explicit Arena(const cu_host &host, std::size_t first_chunk = 2048) noexcept
		: host_(host), host_memory_(host), buffer_(first_chunk, &host_memory_)
	{}

	/* A copy of value that lives as long as the host's memory. */
	template <class T>
	T *make(T value)
	{
		return new (pieces().allocate(sizeof(T), alignof(T))) T(std::move(value));
	}

	/* An empty vector whose elements live as long as the host's memory. */
	template <class T>
	std::pmr::vector<T> &make_vector(std::size_t capacity)
	{
		auto &vector = *make(std::pmr::vector<T>(&pieces()));
		vector.reserve(capacity);
		return vector;
	}

	/* Whether the caller wants its thread back: the answer is then CU_INTERRUPTED. Asked in each loop over user input. */
	bool interrupted() const noexcept { return host_.interrupted(host_.context); }

private:
	/* CU_PIECES_APART: a sanitizer, or valgrind, sees the end of what the host allocated, and nothing inside. */
	std::pmr::memory_resource &pieces() noexcept
	{
#ifdef CU_PIECES_APART
		return host_memory_;
#else
		return buffer_;
#endif
	}

	const cu_host &host_;
	HostMemory host_memory_;
	std::pmr::monotonic_buffer_resource buffer_;
};

} // namespace contact
