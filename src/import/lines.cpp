#include "lines.hpp"

#include <algorithm>
#include <cstring>

#include "failure.hpp"

namespace importer {

namespace {

constexpr size_t kPiece = size_t{256} << 10U;

} // namespace

Lines::Lines(const Source &source, const Encoding &encoding, char terminator)
	: source_(source), terminator_(encoding.bytes_of(terminator)), bytes_(kPiece), offset_(encoding.bom)
{}

// Behind the first terminator from there on; 0 if there is none yet. It begins at a multiple of its size from the line's begin.
size_t
Lines::find_terminator(size_t from) const
{
	size_t unit = terminator_.size();
	const char *bytes = bytes_.data();

	if (unit == 1)
	{
		const void *found = from < end_ ? std::memchr(bytes + from, terminator_[0], end_ - from) : nullptr;

		return found ? static_cast<size_t>(static_cast<const char *>(found) - bytes) + 1 : 0;
	}
	for (size_t at = begin_ + (from - begin_) / unit * unit; at + unit <= end_; at += unit)
		if (std::memcmp(bytes + at, terminator_.data(), unit) == 0)
			return at + unit;
	return 0;
}

bool
Lines::next(std::string_view &line)
{
	size_t searched = begin_;

	for (;;)
	{
		size_t found = find_terminator(searched);

		if (found == 0 && is_at_end_)
			found = end_;
		if (found > begin_)
		{
			line = {bytes_.data() + begin_, found - begin_};
			begin_ = found;
			number_++;
			return true;
		}
		if (is_at_end_)
			return false;
		if (end_ - begin_ > kLongestRow)
			throw Failure(kUnreadable,
						  source_.name() + ": line " + std::to_string(number_ + 1) + " is longer than 64 MiB.");
		std::copy(bytes_.begin() + static_cast<long>(begin_), bytes_.begin() + static_cast<long>(end_), bytes_.begin());
		end_ -= begin_;
		begin_ = 0;
		searched = end_;
		if (bytes_.size() - end_ < kPiece / 2)
			bytes_.resize(bytes_.size() * 2);

		size_t got = source_.read(bytes_.data() + end_, bytes_.size() - end_, offset_);

		is_at_end_ = got == 0;
		offset_ += got;
		end_ += got;
	}
}

} // namespace importer
