#include "show.hpp"

#include <algorithm>
#include <cmath>

#include "core/text.hpp"

namespace importer {

namespace {

constexpr size_t kBarWidth = 24;
constexpr size_t kBarMinimum = 4;
constexpr size_t kBarFrame = 3; // a blank and two brackets

size_t
width_of(std::string_view text)
{
	return contact::count_code_points(text).value_or(text.size());
}

std::string
two_digits(long number)
{
	return (number < 10 ? "0" : "") + std::to_string(number);
}

} // namespace

std::string
grouped(int64_t number)
{
	std::string digits = std::to_string(number);

	for (size_t at = digits.size(); at > (number < 0 ? 4U : 3U);)
		digits.insert(at -= 3, 1, ',');
	return digits;
}

std::string
counted(int64_t number, std::string_view noun)
{
	return grouped(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string
duration(double seconds)
{
	auto whole = static_cast<long>(std::ceil(seconds));

	if (whole < 60)
		return std::to_string(whole) + " s";
	if (whole < 3600)
		return std::to_string(whole / 60) + ":" + two_digits(whole % 60);
	return std::to_string(whole / 3600) + ":" + two_digits(whole / 60 % 60) + ":" + two_digits(whole % 60);
}

std::string
elapsed(double seconds)
{
	auto tenths = static_cast<long>(std::ceil(seconds * 10));

	return tenths < 100 ? std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s" : duration(seconds);
}

std::string
shortened(std::string_view text, size_t width)
{
	std::string result;
	std::vector<size_t> places;

	while (!text.empty())
	{
		contact::CodePoint next = contact::decode(text);

		places.push_back(result.size());
		if (places.size() > width)
		{
			result.resize(width > 0 ? places[width - 1] : 0);
			return width > 0 ? result + "…" : result;
		}
		if (next.size == 0 || next.value < 0x20 || (next.value >= 0x7F && next.value < 0xA0))
			result += '?';
		else
			result.append(text.substr(0, next.size));
		text.remove_prefix(std::max<size_t>(next.size, 1));
	}
	return result;
}

std::string
table(const std::vector<std::vector<std::string>> &rows)
{
	std::vector<size_t> widths;
	std::string result;

	for (const auto &row : rows)
	{
		widths.resize(std::max(widths.size(), row.size()));
		for (size_t i = 0; i < row.size(); i++)
			widths[i] = std::max(widths[i], width_of(row[i]));
	}
	for (const auto &row : rows)
	{
		std::string line;

		for (size_t i = 0; i < row.size(); i++)
			line += "  " + row[i] + std::string(widths[i] - width_of(row[i]), ' ');
		line.resize(line.find_last_not_of(' ') + 1);
		result += line + "\n";
	}
	return result;
}

std::string
progress_line(std::string_view what, int64_t done, int64_t total, double rate, size_t width)
{
	double part = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
	std::string numbers =
		" " + std::to_string(static_cast<int>(part * 100)) + "%  " + grouped(done) + " of " + counted(total, "row");

	if (rate > 0)
	{
		numbers += ", " + grouped(std::llround(rate)) + "/s";
		if (done < total)
			numbers += ", " + duration(static_cast<double>(total - done) / rate) + " left";
	}

	// The bar takes what the numbers leave.
	std::string line(what);
	size_t taken = line.size() + numbers.size() + kBarFrame;
	size_t bar = std::min(kBarWidth, width > taken ? width - taken : 0);

	if (bar >= kBarMinimum)
	{
		auto full = static_cast<size_t>(part * static_cast<double>(bar));

		line += " [" + std::string(full, '#') + std::string(bar - full, ' ') + "]";
	}
	line += numbers;
	return shortened(line, width);
}

} // namespace importer
