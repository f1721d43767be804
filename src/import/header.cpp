#include "header.hpp"

#include <map>
#include <set>

#include "core/column_name.hpp"
#include "core/text.hpp"
#include "failure.hpp"
#include "show.hpp"

namespace importer {

namespace {

constexpr size_t kLongestName = 63; // NAMEDATALEN - 1

// How a reason begins.
constexpr char kLine[] = "Line ";
constexpr char kLines[] = "The row in lines ";

constexpr const char *kSystemColumns[] = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", kLineColumn};

// Whether it is an address, and so no name of a column.
bool
is_address(const std::string &name)
{
	size_t at = name.find('@');

	return at != std::string::npos && at > 0 && name.find('.', at) != std::string::npos &&
		   name.find(' ') == std::string::npos;
}

} // namespace

Header::Header(const std::string &file, const Row &row) : width_(row.count())
{
	std::map<std::string, size_t> seen;
	std::string problem = row.problem;

	for (size_t i = 0; i < row.count(); i++)
		// The mark is at the head of a file that was glued from several.
		columns_.push_back({std::string(contact::trim_cell(row.cell(i))), "", i});
	has_reasons_ = columns_.size() > 2 && columns_.back().name == kRejectReason &&
				   columns_[columns_.size() - 2].name == kRejectColumn;
	if (has_reasons_)
		columns_.resize(columns_.size() - 2);
	while (!columns_.empty() && columns_.back().name.empty())
		columns_.pop_back();
	for (const Column &column : columns_)
	{
		auto [first, is_new] = seen.emplace(column.name, column.cell);

		if (is_address(column.name))
			problem = "\"" + column.name + "\" is no name of a column. The first line has to have the names: add one.";
		else if (column.name.empty() && problem.empty())
			problem = "Column " + std::to_string(column.cell + 1) + " has no name. Give it one.";
		else if (!is_new && problem.empty())
			problem = "Columns " + std::to_string(first->second + 1) + " and " + std::to_string(column.cell + 1) +
					  " have the same name, \"" + column.name + "\". Give one of them another.";
	}
	if (!problem.empty())
		throw Failure(kUnreadable, file + ", line " + std::to_string(row.line) + ": " + problem);
	name_staged();
}

// Names that PostgreSQL would cut or refuse, or that are the staging table's own, get others.
void
Header::name_staged()
{
	std::set<std::string> taken(std::begin(kSystemColumns), std::end(kSystemColumns));

	for (Column &column : columns_)
		if (column.name.size() <= kLongestName && !taken.contains(column.name))
			taken.insert(column.staged = column.name);
	for (Column &column : columns_)
		for (size_t n = 1; column.staged.empty(); n++)
		{
			std::string end = n == 1 && column.name.size() > kLongestName ? "" : "_" + std::to_string(n);
			std::string name =
				column.name.substr(0, contact::floor_code_point(column.name, kLongestName - end.size())) + end;

			if (taken.insert(name).second)
				column.staged = name;
		}
}

bool
Header::has_reasons_of(const Row &row) const
{
	size_t count = row.count();

	if (!has_reasons_ || count == width_)
		return has_reasons_;
	return count > 2 && row.cell(count - 2).empty() &&
		   (row.cell(count - 1).starts_with(kLine) || row.cell(count - 1).starts_with(kLines));
}

std::string
Header::problem(const Row &row) const
{
	// A row of a reject file whose reasons somebody has taken away is bad, for it could be one that is too short.
	bool has_reasons = has_reasons_of(row);
	size_t cells = row.count() - (has_reasons ? 2 : 0);
	size_t wanted = width_ - (has_reasons ? 2 : 0);
	auto where = [&row] {
		return row.last_line == row.line ? kLine + std::to_string(row.line)
										 : kLines + std::to_string(row.line) + " to " + std::to_string(row.last_line);
	};

	if (!row.problem.empty())
		return row.problem;
	if (cells != wanted)
		return where() + " has " + counted(static_cast<int64_t>(cells), "cell") + ", and the header has " +
			   std::to_string(wanted) + (row.last_line == row.line ? "." : ". A quote may be missing in it.");
	for (size_t i = columns_.size(); i < wanted - (has_reasons_ && !has_reasons ? 2 : 0); i++)
		if (!contact::trim(row.cell(i)).empty())
			return where() + " has something in column " + std::to_string(i + 1) + ", which has no name in the header.";
	return "";
}

} // namespace importer
