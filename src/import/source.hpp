// source.hpp - the file as bytes: of which size, whether it changes, and read from any place of it.
//
// A pipe cannot be read twice: it is copied into a file without a name below TMPDIR first. Throws Failure.
#pragma once

#include <cstdint>
#include <string>
#include <sys/stat.h>

namespace importer {

class Source
{
public:
	// Opens the file of that path, or standard input.
	Source(const std::string &path, bool is_standard_input);
	~Source();
	Source(const Source &) = delete;
	Source &operator=(const Source &) = delete;

	// Reads up to so many bytes, none behind the size that the file had when it was opened; 0 at its end.
	size_t read(char *bytes, size_t count, uint64_t offset) const;

	// Throws if the file is no longer what was opened.
	void require_unchanged() const;

	// Whether that path names the same file.
	bool is(const std::string &path) const;

	uint64_t size() const { return static_cast<uint64_t>(opened_.st_size); }
	const std::string &name() const { return name_; } // for people
	const std::string &path() const { return path_; } // the whole path; empty for standard input

private:
	void spool();

	std::string name_;
	std::string path_;
	int file_ = -1;
	struct stat opened_ = {};
};

} // namespace importer
