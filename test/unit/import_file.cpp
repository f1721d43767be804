#include "import_file.hpp"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

#include "client/log.hpp"

const char client::kProgram[] = "unit_tests";

ImportFile::ImportFile(std::string_view bytes) : path_("/tmp/import_file.XXXXXX")
{
	close(mkstemp(path_.data()));
	append(bytes);
}

ImportFile::~ImportFile()
{
	unlink(path_.c_str());
}

void
ImportFile::append(std::string_view bytes) const
{
	std::ofstream(path_, std::ios::binary | std::ios::app)
		.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string
rows_of(const importer::Source &source, const importer::Dialect &dialect)
{
	importer::Rows rows(source, dialect);
	importer::Row row;
	std::string text;

	while (rows.next(row))
	{
		text += text.empty() ? "" : "/";
		if (!row.problem.empty())
		{
			text += "!" + row.problem;
			continue;
		}
		for (size_t i = 0; i < row.count(); i++)
			text += (i > 0 ? "|" : "") + std::string(row.cell(i));
	}
	return text;
}

std::string
rows_of(std::string_view bytes)
{
	ImportFile file(bytes);
	importer::Source source(file.path(), false);
	importer::Encoding encoding = importer::find_encoding(source, importer::scan(source), "");

	return rows_of(source, importer::find_dialect(source, encoding, '\0'));
}
