/*
 * column_name.cpp - folds names of columns by the generated table of accents, and knows what a file calls its addresses.
 */
#include "column_name.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace contact {

namespace {

struct AccentedLetter
{
	char32_t letter;
	char32_t base;
};

constexpr AccentedLetter kAccented[] = {
#include "accents.inc"
};

constexpr char32_t kByteOrderMark = 0xFEFF;

constexpr bool
is_accent(char32_t code_point) noexcept
{
	return code_point >= 0x300 && code_point <= 0x36F;
}

/* Unicode's hyphens and dashes among them: typesetters put them into "E-Mail". */
bool
is_ignored(char32_t code_point) noexcept
{
	return code_point == U'_' || code_point == U'-' || code_point == 0xAD ||
		   (code_point >= 0x2010 && code_point <= 0x2015) || is_accent(code_point) || is_white_space(code_point);
}

/* Calls take with each code point of text, folded and without accents; with each invalid byte as it is. */
template <class Take>
void
each_folded(std::string_view text, Take take)
{
	while (!text.empty())
	{
		const auto next = decode(text);
		if (next.size == 0)
			take(CodePoint{0, 0}, text.substr(0, 1));
		else
			take({fold_case(strip_accents(next.value)), next.size}, text.substr(0, next.size));
		text.remove_prefix(std::max<std::size_t>(next.size, 1));
	}
}

/* Takes the longest of some words off the front of text. */
template <std::size_t kCount>
bool
take_front(std::string_view &text, const std::string_view (&words)[kCount]) noexcept
{
	const auto *found = std::ranges::find_if(words, [text](auto word) { return text.starts_with(word); });
	if (found == std::end(words))
		return false;
	text.remove_prefix(found->size());
	return true;
}

} // namespace

char32_t
strip_accents(char32_t code_point) noexcept
{
	if (code_point < 0xC0)
		return code_point;
	const auto *found = std::ranges::lower_bound(kAccented, code_point, {}, &AccentedLetter::letter);
	return found != std::end(kAccented) && found->letter == code_point ? found->base : code_point;
}

std::string_view
trim_cell(std::string_view text) noexcept
{
	auto trimmed = trim(text);
	for (auto first = decode(trimmed); first.size != 0 && first.value == kByteOrderMark; first = decode(trimmed))
		trimmed = trim(trimmed.substr(first.size));
	return trimmed;
}

std::string_view
fold_column_name(Arena &arena, std::string_view text)
{
	/* As in fold_case(), one byte in two may become two; without accents it is no more. */
	auto &folded = arena.make_vector<char>(text.size() + text.size() / 2);
	each_folded(trim_cell(text), [&folded](CodePoint code_point, std::string_view bytes) {
		if (code_point.size == 0)
			folded.insert(folded.end(), bytes.begin(), bytes.end());
		else if (!is_ignored(code_point.value))
		{
			const auto encoded = encode(code_point.value);
			folded.insert(folded.end(), encoded.bytes, encoded.bytes + encoded.size);
		}
	});
	return {folded.data(), folded.size()};
}

int
rank_address_name(std::string_view folded) noexcept
{
	/* Of two names of which one is the beginning of the other, the longer one comes first. */
	constexpr std::string_view kWhose[] = {
		"primary", "main", "default", "contact", "subscriber", "member", "customer", "recipient", "user", "your"};
	constexpr std::string_view kAddress[] = {"emailaddress",
											 "emailadresse",
											 "emailadres",
											 "adresseemail",
											 "indirizzoemail",
											 "correoelectronico",
											 "courriel",
											 "email",
											 "mailaddress",
											 "mailadresse",
											 "mail"};
	constexpr std::string_view kWhich[] = {"1value", "1address", "value", "1"};
	bool is_plain = !take_front(folded, kWhose);
	if (!take_front(folded, kAddress))
		return 0;
	is_plain = !take_front(folded, kWhich) && is_plain;
	return !folded.empty() ? 0 : is_plain ? 2 : 1;
}

std::string_view
make_merge_tag(Arena &arena, std::string_view name)
{
	constexpr std::size_t kMaxBytes = 63;
	auto &tag = arena.make_vector<char>(kMaxBytes + 1);
	bool gap = false;
	each_folded(trim_cell(name), [&](CodePoint code_point, std::string_view) {
		const bool is_digit = is_ascii_digit(code_point.value);
		if (is_accent(code_point.value) || tag.size() >= kMaxBytes)
			return;
		if (!is_digit && (code_point.value >= 0x80 || !is_ascii_letter(code_point.value)))
		{
			gap = !tag.empty();
			return;
		}
		if (gap || (is_digit && tag.empty()))
			tag.push_back('_');
		gap = false;
		tag.push_back(static_cast<char>(code_point.value));
	});
	if (tag.size() > kMaxBytes)
		tag.resize(kMaxBytes);
	if (tag.size() == 1)
		tag.push_back('_');
	return {tag.data(), tag.size()};
}

std::size_t
edit_distance(std::string_view left, std::string_view right, std::size_t limit) noexcept
{
	constexpr std::size_t kBand = 2 * kMaxEditDistance + 1;
	if (left.size() > right.size())
		std::swap(left, right);
	if (limit > kMaxEditDistance || right.size() - left.size() > limit)
		return limit + 1;

	/* costs[d] is that of left's first i bytes and right's first i + d - kMaxEditDistance: only these can be within the limit. */
	std::array<std::size_t, kBand + 2> costs{};
	const auto far = limit + 1;
	for (std::size_t d = 0; d <= kBand; d++)
		costs[d] = d < kMaxEditDistance || d == kBand ? far : std::min(d - kMaxEditDistance, far);
	for (std::size_t i = 1; i <= left.size(); i++)
	{
		auto nearest = far;
		auto before = far; /* with one byte less of right */
		for (std::size_t d = 0; d < kBand; d++)
		{
			const auto j = i + d;
			auto cost = far;
			if (j >= kMaxEditDistance && j - kMaxEditDistance <= right.size())
			{
				const auto at = j - kMaxEditDistance;
				cost = std::min({at > 0 && left[i - 1] == right[at - 1] ? costs[d] : costs[d] + 1,
								 costs[d + 1] + 1,
								 before + 1,
								 far});
				if (at == 0)
					cost = std::min(i, far);
			}
			costs[d] = before = cost;
			nearest = std::min(nearest, cost);
		}
		if (nearest >= far)
			return far;
	}
	return costs[kMaxEditDistance + right.size() - left.size()];
}

} // namespace contact
