/* import_file.hpp - files for the tests of contact-import: a Source with given bytes. */
#pragma once

#include <string>
#include <string_view>

#include "import/dialect.hpp"
#include "import/rows.hpp"
#include "import/source.hpp"

/* A file below the tests' directory that is gone with the object. */
class ImportFile
{
public:
	explicit ImportFile(std::string_view bytes);
	~ImportFile();
	ImportFile(const ImportFile &) = delete;
	ImportFile &operator=(const ImportFile &) = delete;

	const std::string &path() const { return path_; }
	void append(std::string_view bytes) const;

private:
	std::string path_;
};

/* The rows of a file: cells between '|', rows between '/'; a bad row is '!' and its reason. */
std::string rows_of(const importer::Source &source, const importer::Dialect &dialect);
std::string rows_of(std::string_view bytes);

/* What a call throws; empty if nothing. */
template <typename Call>
std::string
thrown_by(Call call)
{
	try
	{
		call();
	}
	catch (const std::exception &error)
	{
		return error.what();
	}
	return "";
}
