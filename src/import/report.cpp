#include "report.hpp"

#include <cstdlib>

#include "show.hpp"

namespace importer {

namespace {

constexpr char kStatement[] =
	"SELECT coalesce(\"column\", ''), message, coalesce(hint, ''), pg_catalog.count(*), "
	"pg_catalog.min((row ->> 'contact_import_line')::pg_catalog.int8), pg_catalog.count(*) OVER (), "
	"coalesce((pg_catalog.array_agg(value ORDER BY row_number))[1], '') "
	"FROM contacts.import_error "
	"WHERE workspace_id = $1::pg_catalog.int8 AND import_id = $2::pg_catalog.int8 "
	"GROUP BY 1, 2, 3 ORDER BY 4 DESC, 5 LIMIT 10";

int64_t
number(const Result &result, int row, int column)
{
	return std::strtoll(result.value(row, column).c_str(), nullptr, 10);
}

} // namespace

std::string
counts(const Progress &progress, bool is_dry_run)
{
	std::string would = is_dry_run ? "would be " : "";
	std::string text = counted(progress.done, "row");

	if (!is_dry_run)
		text += " in " + elapsed(progress.seconds);
	text += ": " + grouped(progress.created) + " " + would + "created, " + grouped(progress.updated) + " " + would +
			"updated, " + grouped(progress.unchanged) + " unchanged, " +
			(progress.skipped > 0 ? grouped(progress.skipped) + " skipped, " : "") + grouped(progress.failed) +
			" bad.\n";
	if (progress.losses() > 0)
		text += "Of what was there, " + counted(progress.values_cleared, "value") + " " + would + "cleared, " +
				counted(progress.tags_removed, "tag") + " " + would + "removed, " +
				(progress.statuses_changed == 1 ? "1 status" : grouped(progress.statuses_changed) + " statuses") + " " +
				would + "changed.\n";
	return text;
}

std::string
bad_rows(Connection &connection, const std::string &workspace, const Progress &progress)
{
	std::string text;

	if (progress.failed == 0)
		return "";

	Result result = connection.execute(kStatement, {workspace, progress.id});

	for (int i = 0; i < result.rows(); i++)
	{
		int64_t count = number(result, i, 3);
		std::string column = result.value(i, 0);
		std::string hint = with_options(result.value(i, 2));
		std::string value = result.value(i, 6);

		text += "  line " + result.value(i, 4) + (count > 1 ? " and " + grouped(count - 1) + " more" : "") +
				(column.empty() ? "" : ", " + shortened(column, 40)) +
				(value.empty() ? "" : " \"" + shortened(value, 40) + "\"") + ": " +
				shortened(with_options(result.value(i, 1)), 300) + (hint.empty() ? "" : " " + shortened(hint, 300)) +
				"\n";
	}
	if (result.rows() > 0 && number(result, 0, 5) > result.rows())
		text += "  ... and " + grouped(number(result, 0, 5) - result.rows()) + " other things\n";
	return text;
}

} // namespace importer
