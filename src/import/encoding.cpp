#include "encoding.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "client/stop.hpp"
#include "core/text.hpp"
#include "failure.hpp"

namespace importer {

namespace {

constexpr size_t kPiece = size_t{1} << 16U;
constexpr size_t kLongestSequence = 4;
// In Windows-1252 two characters rarely are a sequence of UTF-8 by chance, as the end of a quoted "CAFÉ" in capitals is. A file of
// UTF-8 with some wrong bytes must not be read as that: each of its good characters would become two.
constexpr uint64_t kForeignPerSequence = 8;

// Counts what the bytes are, up to the last few, which may be the head of a sequence; returns how many were looked at.
size_t
count_sequences(std::string_view bytes, bool is_last, Scan &scan)
{
	size_t at = 0;

	while (at < bytes.size())
	{
		if ((bytes[at] & 0x80) == 0)
		{
			at++;
			continue;
		}
		if (!is_last && bytes.size() - at < kLongestSequence)
			break;

		size_t size = contact::decode(bytes.substr(at)).size;

		(size > 0 ? scan.sequences : scan.invalid)++;
		at += std::max<size_t>(size, 1);
	}
	return at;
}

struct Mark
{
	std::string_view bytes;
	const char *name;
	size_t unit;
	bool is_big_endian;
};

constexpr std::string_view kBigEndian16 = "\xFE\xFF";
constexpr std::string_view kBigEndian32 = {"\x00\x00\xFE\xFF", 4};

constexpr Mark kMarks[] = {
	{{"\xFF\xFE\x00\x00", 4}, "UTF-32LE", 4, false},
	{kBigEndian32, "UTF-32BE", 4, true},
	{"\xEF\xBB\xBF", "UTF-8", 1, false},
	{"\xFF\xFE", "UTF-16LE", 2, false},
	{kBigEndian16, "UTF-16BE", 2, true},
};

// The encoding with units of two bytes that a head without a mark has, if it is mostly characters below 256.
const Mark *
find_utf16(std::string_view head)
{
	size_t zeros[2] = {0, 0};

	for (size_t i = 0; i < head.size(); i++)
		zeros[i % 2] += head[i] == 0 ? 1 : 0;
	if (head.size() < 8 || std::max(zeros[0], zeros[1]) < head.size() / 4 ||
		std::min(zeros[0], zeros[1]) > head.size() / 32)
		return nullptr;
	return zeros[0] > zeros[1] ? &kMarks[4] : &kMarks[3];
}

bool
is_known(const std::string &name)
{
	iconv_t descriptor = iconv_open("UTF-8", name.c_str());

	if (descriptor == reinterpret_cast<iconv_t>(-1)) // NOLINT(performance-no-int-to-ptr): iconv's way to say no
		return false;
	iconv_close(descriptor);
	return true;
}

// Whether the end of a line is its one byte. That of UCS-2 is wider, and that of EBCDIC another.
bool
has_plain_ends(const std::string &name)
{
	static constexpr std::string_view kEnds = "\r\n";
	std::string ends;

	return Converter("UTF-8", name).convert(kEnds, ends) && ends == kEnds;
}

Encoding
named(const std::string &wanted, std::string_view head)
{
	Encoding encoding;

	encoding.name = wanted;
	std::transform(wanted.begin(), wanted.end(), encoding.name.begin(), contact::to_upper_ascii);
	if (encoding.name == "UTF8")
		encoding.name = "UTF-8";
	if (encoding.name.starts_with("UTF16") || encoding.name.starts_with("UTF32"))
		encoding.name.insert(3, "-");
	// Without a word about the order of bytes the mark says it, and without a mark they are as on most machines.
	if (encoding.name == "UTF-16")
		encoding.name = head.starts_with(kBigEndian16) ? "UTF-16BE" : "UTF-16LE";
	if (encoding.name == "UTF-32")
		encoding.name = head.starts_with(kBigEndian32) ? "UTF-32BE" : "UTF-32LE";
	if (!is_known(encoding.name))
		throw Failure(kUsage,
					  "--encoding: \"" + wanted + "\" is no encoding that iconv knows; iconv --list shows them.");
	for (const Mark &mark : kMarks)
		if (encoding.name == mark.name)
		{
			encoding.unit = mark.unit;
			encoding.is_big_endian = mark.is_big_endian;
			encoding.bom = head.starts_with(mark.bytes) ? mark.bytes.size() : 0;
		}
	if (encoding.unit == 1 && !has_plain_ends(encoding.name))
		throw Failure(
			kUsage,
			"--encoding: the lines of a file in \"" + wanted +
				"\" cannot be told apart. Convert it to UTF-8, or name UTF-16 or UTF-32 if it is one of these.");
	return encoding;
}

// Bytes of the smallest piece.
size_t
unit_of(const std::string &name)
{
	return name.starts_with("UTF-16") ? 2 : name.starts_with("UTF-32") ? 4 : 1;
}

} // namespace

std::string
Encoding::bytes_of(char ascii) const
{
	std::string bytes(unit, '\0');

	bytes[is_big_endian ? unit - 1 : 0] = ascii;
	return bytes;
}

Scan
scan(const Source &source)
{
	Scan result;
	std::vector<char> bytes(kPiece);
	size_t kept = 0;
	uint64_t offset = 0;

	for (;;)
	{
		size_t got = source.read(bytes.data() + kept, bytes.size() - kept, offset);

		for (size_t i = kept; i < kept + got; i++)
			result.digest = (result.digest ^ static_cast<unsigned char>(bytes[i])) * 0x100000001B3;
		offset += got;
		kept += got;

		size_t done = count_sequences({bytes.data(), kept}, got == 0, result);

		if (got == 0)
			return result;
		std::copy(bytes.begin() + static_cast<long>(done), bytes.begin() + static_cast<long>(kept), bytes.begin());
		kept -= done;
		if (client::stop_requested())
			throw Failure(kStopped, kNothingLoaded);
	}
}

Encoding
find_encoding(const Source &source, const Scan &scanned, const std::string &wanted)
{
	std::vector<char> bytes(kPiece);
	std::string_view head(bytes.data(), source.read(bytes.data(), bytes.size(), 0));
	Encoding encoding;

	if (!wanted.empty())
		return named(wanted, head);
	for (const Mark &mark : kMarks)
		if (head.starts_with(mark.bytes))
		{
			encoding = named(mark.name, head);
			if (!encoding.is_utf8())
				encoding.notice = encoding.name + ", by its byte order mark";
			return encoding;
		}
	if (const Mark *mark = find_utf16(head))
	{
		encoding = named(mark->name, head);
		encoding.notice = encoding.name + ", for every other byte is zero";
	}
	else if (scanned.invalid > kForeignPerSequence * scanned.sequences)
	{
		encoding.name = "WINDOWS-1252";
		encoding.notice = "Windows-1252, for it is not UTF-8; --encoding names another one";
	}
	else if (scanned.invalid > 0)
		encoding.notice = "UTF-8, with bytes in some lines that are not; --encoding names another one";
	return encoding;
}

Converter::Converter(const std::string &from, const std::string &to) : descriptor_(iconv_open(to.c_str(), from.c_str()))
{
	if (descriptor_ == reinterpret_cast<iconv_t>(-1)) // NOLINT(performance-no-int-to-ptr): iconv's way to say no
		throw Failure(kUsage, "iconv cannot convert from " + from + " to " + to + ".");
	unit_ = unit_of(from);
	from_utf8_ = from == "UTF-8";

	Encoding target;

	target.unit = unit_of(to);
	target.is_big_endian = to.ends_with("BE");
	replacement_ = target.bytes_of('?');
}

Converter::~Converter()
{
	iconv_close(descriptor_);
}

bool
Converter::convert(std::string_view text, std::string &out)
{
	char *from = const_cast<char *>(text.data()); // iconv only reads
	size_t left = text.size();
	bool is_whole = true;

	out.clear();
	(void)iconv(descriptor_, nullptr, nullptr, nullptr, nullptr);
	for (bool is_at_end = left == 0;;)
	{
		size_t used = out.size();

		out.resize(used + left * 2 + 16);

		char *to = out.data() + used;
		size_t room = out.size() - used;
		// At the end it returns to the state that it began with, which may take bytes.
		size_t status = iconv(descriptor_, is_at_end ? nullptr : &from, is_at_end ? nullptr : &left, &to, &room);
		bool failed = status == static_cast<size_t>(-1);

		out.resize(out.size() - room);
		if (failed && errno == E2BIG)
			continue;
		if (failed)
		{
			size_t skipped = std::min(left, from_utf8_ ? contact::decode({from, left}).size : unit_);

			skipped = std::max(skipped, std::min(left, unit_));
			is_whole = false;
			out += replacement_;
			from += skipped;
			left -= skipped;
		}
		if (is_at_end)
			return is_whole;
		is_at_end = left == 0;
	}
}

} // namespace importer
