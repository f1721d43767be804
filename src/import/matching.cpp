#include "matching.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "failure.hpp"
#include "show.hpp"

namespace importer {

namespace {

constexpr size_t kExamples = 3;
constexpr size_t kExampleWidth = 24;

void
require_columns(const Options &options, const Header &header)
{
	std::string list;

	for (const Column &column : header.columns())
		list.append(list.empty() ? "" : ", ").append(column.name);
	for (const auto &given : options.columns)
		if (std::none_of(header.columns().begin(), header.columns().end(), [&](const Column &column) {
				return column.name == given.first;
			}))
			throw Failure(kUsage,
						  std::string("--column: the file has no column \"")
							  .append(given.first)
							  .append("\". It has ")
							  .append(list)
							  .append("."));
}

} // namespace

Matching::Matching(Connection &connection, const std::string &workspace, const Options &options, const Header &header)
	: options_(options)
{
	std::vector<Parameter> names;
	std::vector<Parameter> keys;
	std::vector<Parameter> values;

	require_columns(options, header);
	for (const Column &column : header.columns())
		names.emplace_back(column.name);
	for (const auto &[name, target] : options.columns)
	{
		keys.emplace_back(name);
		values.push_back(target);
	}

	Result result = connection.execute(
		"SELECT target, problem, nearest FROM contacts.match_columns($1::pg_catalog.text[], "
		"pg_catalog.jsonb_object($2::pg_catalog.text[], $3::pg_catalog.text[]), $4::pg_catalog.int8) ORDER BY position",
		{array_text(names), array_text(keys), array_text(values), workspace});

	for (size_t i = 0; i < header.columns().size(); i++)
	{
		int row = static_cast<int>(i);

		Match match = {header.columns()[i], result.value(row, 0), result.value(row, 1), result.value(row, 2), {}};

		match.is_staged = !match.target.empty() || (match.problem == "unknown" && options.unknown == "define");
		matches_.push_back(match);
	}
}

void
Matching::take_examples(const Row &row)
{
	for (Match &match : matches_)
	{
		std::string_view cell =
			match.column.cell < row.count() ? contact::trim(row.cell(match.column.cell)) : std::string_view();
		std::string example = shortened(cell, kExampleWidth);

		if (!cell.empty() && match.examples.size() < kExamples &&
			std::find(match.examples.begin(), match.examples.end(), example) == match.examples.end())
			match.examples.push_back(example);
	}
}

std::string
Matching::table() const
{
	std::vector<std::vector<std::string>> rows = {{"column", "becomes", "examples"}};

	for (const Match &match : matches_)
	{
		std::string examples;
		std::string becomes = match.target;

		if (becomes.empty())
			becomes = match.problem.empty() || options_.unknown == "ignore" ? "(left out)"
					  : match.is_staged										? "(a new field)"
																			: "(" + match.problem + ")";
		else if (!match.problem.empty())
			becomes += " (" + match.problem + ")";
		for (const std::string &example : match.examples)
			examples += (examples.empty() ? "" : " | ") + example;
		rows.push_back({shortened(match.column.name, 30), becomes, examples});
	}
	return importer::table(rows);
}

std::string
Matching::problem() const
{
	std::string unknown;
	std::string others;
	bool has_address = false;
	std::string problem;

	for (const Match &match : matches_)
	{
		std::string name = "\n  " + shortened(match.column.name, 60);

		has_address = has_address || match.target == "email_address";
		if (match.problem == "unknown" && options_.unknown == "refuse")
			unknown += name + (match.nearest.empty() ? "" : " (nearest: " + match.nearest + ")");
		else if (match.problem == "duplicate")
			others += name + ": another column is the same: " + match.nearest;
		else if (match.problem == "ambiguous")
			others += name + ": may be several fields" + (match.nearest.empty() ? "" : ", such as " + match.nearest);
		else if (match.problem == "no such target")
			others += name + ": --column names what is not there" +
					  (match.nearest.empty() ? "" : " (nearest: " + match.nearest + ")");
	}
	if (!has_address)
		problem += "None of the columns is the address: say which with --column 'NAME=email_address'.\n";
	if (!others.empty())
		problem += "These columns cannot be loaded:" + others +
				   "\nSay what each is with --column 'NAME=TARGET', or leave it out with --column 'NAME='.\n";
	if (!unknown.empty())
		problem += "These columns are no field:" + unknown +
				   "\nSay --define to make fields of them, --ignore-unknown to leave them out, or what each is with "
				   "--column 'NAME=TARGET'.\n";
	if (!problem.empty())
		problem.pop_back();
	return problem;
}

// Only what the server cannot find out by itself, so that the same command always passes the same: with --define, columns that
// were unknown have a target at the next call.
bool
Matching::is_passed(const Match &match) const
{
	const Column &column = match.column;

	return !match.target.empty() &&
		   (column.staged != column.name || std::any_of(options_.columns.begin(),
														options_.columns.end(),
														[&](const auto &given) { return given.first == column.name; }));
}

std::vector<Parameter>
Matching::names() const
{
	std::vector<Parameter> names = {kLineColumn};

	for (const Match &match : matches_)
		if (is_passed(match))
			names.emplace_back(match.column.staged);
	return names;
}

std::vector<Parameter>
Matching::targets() const
{
	std::vector<Parameter> targets = {std::nullopt};

	for (const Match &match : matches_)
		if (is_passed(match))
			targets.emplace_back(match.target);
	return targets;
}

} // namespace importer
