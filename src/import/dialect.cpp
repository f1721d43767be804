#include "dialect.hpp"

#include "core/text.hpp"
#include "failure.hpp"

namespace importer {

namespace {

constexpr size_t kHead = size_t{64} << 10U;
constexpr size_t kRowsOfHead = 100;
constexpr size_t kLongestOfHead = size_t{1} << 20U;

std::string
decoded_head(const Source &source, const Encoding &encoding)
{
	std::string bytes(kHead, '\0');
	std::string text;

	bytes.resize(source.read(bytes.data(), bytes.size(), encoding.bom) / encoding.unit * encoding.unit);
	(void)Converter(encoding.name, "UTF-8").convert(bytes, text);
	return text;
}

// The separator that the first line of the head names, as Excel writes it: "sep=;". 0 if it names none.
char
named_separator(const std::string &head)
{
	static constexpr std::string_view kName = "sep=";
	size_t begin = head.starts_with('"') ? 1 : 0;
	size_t after = begin + kName.size() + 1;

	for (size_t i = 0; i < kName.size(); i++)
		if (begin + i >= head.size() || contact::to_lower_ascii(head[begin + i]) != kName[i])
			return '\0';
	if (after < head.size() && begin == 1 && head[after] == '"')
		after++;
	return after < head.size() && (head[after] == '\r' || head[after] == '\n') ? head[begin + kName.size()] : '\0';
}

// Which part of the rows of the head has as many cells as the first one, if that has more than one.
double
fitness(const Source &source, const Dialect &dialect)
{
	size_t width = 0;
	double rows = 0;
	double fitting = 0;

	try
	{
		Rows reader(source, dialect, kLongestOfHead);

		for (Row row; rows < kRowsOfHead && reader.offset() < kHead && reader.next(row); rows++)
		{
			if (rows == 0)
				width = row.count();
			if (row.count() == width)
				fitting++;
		}
	}
	catch (const Failure &)
	{
		rows++; // a quote that is never closed: another separator may fit better
	}
	return width > 1 ? fitting / rows : 0;
}

} // namespace

Dialect
find_dialect(const Source &source, const Encoding &encoding, char separator)
{
	std::string head = decoded_head(source, encoding);
	size_t end = head.find_first_of("\r\n");
	Dialect dialect;
	double best = 0;

	dialect.encoding = encoding;
	if (end != std::string::npos && head[end] == '\r' && end + 1 < head.size() && head[end + 1] != '\n')
		dialect.terminator = '\r';
	if (head.starts_with('\'') && head.find('"') == std::string::npos)
		dialect.quote = '\'';

	char named = named_separator(head);

	dialect.names_separator = named != '\0';
	if (separator == '\0')
		separator = named;
	if (separator != '\0')
		dialect.separator = separator;
	else
		for (char candidate : {',', ';', '\t', '|'})
		{
			Dialect tried = dialect;

			tried.separator = candidate;
			if (double part = fitness(source, tried); part > best)
			{
				best = part;
				dialect.separator = candidate;
			}
		}
	dialect.skips_spaces = head.find(std::string{dialect.separator, ' ', dialect.quote}) != std::string::npos;
	return dialect;
}

std::string
separator_name(char separator)
{
	return separator == '\t' ? "tab" : std::string(1, separator);
}

} // namespace importer
