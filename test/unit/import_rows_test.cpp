/* import_rows_test.cpp - files as contact-import reads them: separator, quotes, ends of lines, byte order marks, encodings. */
#include <gtest/gtest.h>

#include "import_file.hpp"

#include "table.hpp"

namespace {

using namespace std::literals;

struct Row
{
	const char *name;
	std::string_view bytes;
	std::string_view rows;
};

const Row kRows[] = {
	{"comma", "a,b\n1,2\n", "a|b/1|2"},
	{"semicolon", "a;b\n1,5;2\n3,5;4\n", "a|b/1,5|2/3,5|4"},
	{"tab", "a\tb\n1;,\t2\n", "a|b/1;,|2"},
	{"bar", "a|b\n1;2|2,3\n", "a|b/1;2|2,3"},
	{"one_column", "email\nann@x.org\nbob@x.org", "email/ann@x.org/bob@x.org"},
	{"separator_in_the_quotes_of_the_header", "\"a,b\";c;d\n1;2;3\n", "a,b|c|d/1|2|3"},
	{"sep_line", "sep=|\r\na|b;c\r\n1|2\r\n", "a|b;c/1|2"},
	{"sep_line_in_quotes", "\"sep=|\"\r\na|b;c\r\n1|2\r\n", "a|b;c/1|2"},
	{"no_end_of_the_last_line", "a,b\n1,2", "a|b/1|2"},
	{"return_and_line_feed", "a,b\r\n1,\"2\"\r\n", "a|b/1|2"},
	{"return_alone", "a,b\r1,2\r3,\"4\"\r", "a|b/1|2/3|4"},
	{"mixed_ends", "a,b\r\n1,2\n3,4\r\n", "a|b/1|2/3|4"},
	{"blank_lines", "\n\na,b\n\n  \n1,2\n\r\n,,\n , \n3,4\n\n", "a|b/1|2/3|4"},
	{"quotes", "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", "a|b/x,y|say \"hi\""},
	{"lines_in_quotes", "a,b\n\"x\ny\r\n\nz\",2\n3,4\n", "a|b/x\ny\r\n\nz|2/3|4"},
	{"quote_inside", "a,b\n5\" pipe,2\n", "a|b/5\" pipe|2"},
	{"single_quotes", "'a','b'\n'1,5','it''s'\n", "a|b/1,5|it's"},
	{"spaces_before_quotes", "\"a\", \"b\"\n\"1\", \"2,3\"\n", "a|b/1|2,3"},
	{"spaces_stay", "a,b\n 1 ,2 \n", "a|b/ 1 |2 "},
	{"ragged", "a,b\n1\n1,2,3\n", "a|b/1/1|2|3"},
	{"header_alone", "a,b", "a|b"},
	{"nul", "a,b\n1\0,2\n3,4\n"sv, "a|b/!Line 2 has a NUL byte./3|4"},

	{"utf8_bom", "\xEF\xBB\xBF\"a\",b\n\xC3\xA9,2\n", "a|b/\xC3\xA9|2"},
	{"utf16_little",
	 "\xFF\xFE"
	 "a\0,\0b\0\r\0\n\0\xE9\0,\0\x0A\x20\r\0\n\0"sv,
	 "a|b/\xC3\xA9|\xE2\x80\x8A"},
	{"utf16_big",
	 "\xFE\xFF\0a\0,\0b\0\n\0\xE9\0,\0"
	 "2"sv,
	 "a|b/\xC3\xA9|2"},
	{"utf16_without_a_mark", "e\0m\0a\0i\0l\0\n\0a\0@\0b\0\n\0"sv, "email/a@b"},
	{"utf16_cut_off",
	 "\xFF\xFE"
	 "a\0,\0b\0\n\0"
	 "1\0,\0"
	 "2"sv,
	 "a|b/!Line 2 has bytes that are not UTF-16LE."},
	{"windows_1252", "a,b\n\xE9,\x80\n", "a|b/\xC3\xA9|\xE2\x82\xAC"},
	{"mostly_utf8",
	 "a,b\n\xC3\xA9,1\n\xE9,2\n\xC3\xA9,3\n",
	 "a|b/\xC3\xA9|1/!Line 3 has bytes that are not UTF-8./\xC3\xA9|3"},
	{"undefined_in_windows_1252",
	 "a,b\n\xE9\xE8,1\n\x81,2\n",
	 "a|b/\xC3\xA9\xC3\xA8|1/!Line 3 has bytes that are not WINDOWS-1252."},
};

TABLE_TEST(import_rows, kRows)
{
	EXPECT_EQ(rows_of(row.bytes), row.rows);
}

/* Where each row begins and ends, and its bytes. */
TEST(ImportRows, KnowsLinesAndBytes)
{
	ImportFile file("\xEF\xBB\xBF"
					"a,b\r\n\r\n\"x\r\ny\",2\r\n3,4");
	importer::Source source(file.path(), false);
	importer::Rows rows(
		source, importer::find_dialect(source, importer::find_encoding(source, importer::scan(source), ""), '\0'));
	importer::Row row;

	ASSERT_TRUE(rows.next(row));
	EXPECT_EQ(row.line, 1U);
	EXPECT_EQ(rows.offset(), 8U);
	ASSERT_TRUE(rows.next(row));
	EXPECT_EQ(row.line, 3U);
	EXPECT_EQ(row.last_line, 4U);
	EXPECT_EQ(row.bytes, "\"x\r\ny\",2\r\n");
	ASSERT_TRUE(rows.next(row));
	EXPECT_EQ(row.line, 5U);
	EXPECT_EQ(row.bytes, "3,4");
	EXPECT_FALSE(rows.next(row));
	EXPECT_FALSE(rows.next(row));
}

/* Pieces of the file that end anywhere. */
TEST(ImportRows, AreTheSameAcrossPieces)
{
	std::string bytes = "a,b\n";
	std::string expected = "a|b";

	for (int i = 0; i < 40000; i++)
	{
		bytes += std::to_string(i) + ",\"\xC3\xA9\n\"\n";
		expected += "/" + std::to_string(i) + "|\xC3\xA9\n";
	}
	EXPECT_EQ(rows_of(bytes), expected);
}

TEST(ImportRows, TakeACellOf10Mebibytes)
{
	std::string cell(size_t{10} << 20U, 'x');

	EXPECT_EQ(rows_of("a,b\n1,\"" + cell + "\"\n3,4\n"), "a|b/1|" + cell + "/3|4");
}

TEST(ImportRows, SayWhichQuoteIsNeverClosed)
{
	std::string said = thrown_by([] { (void)rows_of("a,b\n1,2\n3,\"4\n5,6\n7,8\n"); });

	EXPECT_NE(said.find("the quote in the row that begins in line 3 is never closed"), std::string::npos) << said;

	std::string lines = "a,b\n1,\"";

	while (lines.size() < importer::kLongestRow + 10)
		lines += std::string(100000, 'x') + "\n";
	said = thrown_by([&] { (void)rows_of(lines); });
	EXPECT_NE(said.find("the row that begins in line 2 is longer than 64 MiB"), std::string::npos) << said;
	said = thrown_by([] { (void)rows_of("a,b\n1," + std::string(importer::kLongestRow + 1, 'x')); });
	EXPECT_NE(said.find("line 2 is longer than 64 MiB"), std::string::npos) << said;
}

TEST(ImportSource, IsRefused)
{
	ImportFile empty("");
	ImportFile file("a,b\n1,2\n");
	importer::Source source(file.path(), false);

	EXPECT_NE(thrown_by([&] { importer::Source(empty.path(), false); }).find(" is empty: "), std::string::npos);
	EXPECT_EQ(thrown_by([] { importer::Source("/tmp", false); }), "/tmp is a directory: name a file in it.");
	EXPECT_EQ(thrown_by([] { importer::Source("/no/such", false); }), "/no/such: No such file or directory");
	EXPECT_EQ(thrown_by([&] { source.require_unchanged(); }), "");
	file.append("3,4\n");
	EXPECT_NE(thrown_by([&] { source.require_unchanged(); }).find(" has changed while it was read."),
			  std::string::npos);
	EXPECT_EQ(source.size(), 8U);
	EXPECT_TRUE(source.is(file.path()));
	EXPECT_FALSE(source.is(empty.path()));
}

TEST(ImportEncoding, IsNamed)
{
	ImportFile file("a,b\n\xE9,2\n");
	importer::Source source(file.path(), false);
	auto named = [&](const char *name) { return importer::find_encoding(source, importer::scan(source), name); };

	EXPECT_EQ(named("").name, "WINDOWS-1252");
	EXPECT_NE(named("").notice, "");
	EXPECT_EQ(rows_of(source, importer::find_dialect(source, named("koi8-r"), '\0')), "a|b/\xD0\x98|2");
	EXPECT_EQ(rows_of(source, importer::find_dialect(source, named("utf8"), '\0')),
			  "a|b/!Line 2 has bytes that are not UTF-8.");
	EXPECT_NE(thrown_by([&] { (void)named("nonsense"); }).find("is no encoding that iconv knows"), std::string::npos);
}

/* An encoding of wide pieces is read piece by piece: in the order that its name or its mark says, else with the low byte first. */
TEST(ImportEncoding, OfWidePieces)
{
	struct Wide
	{
		const char *name;
		std::string_view bytes;
		const char *found;
	};

	constexpr Wide kWide[] = {
		{"UTF-16", "a\0,\0b\0\n\0\x0A\x01,\0\x32\0\n\0"sv, "UTF-16LE"},
		{"utf16be", "\0a\0,\0b\0\n\x01\x0A\0,\0\x32\0\n"sv, "UTF-16BE"},
		{"UTF-32", "a\0\0\0,\0\0\0b\0\0\0\n\0\0\0\x0A\x01\0\0,\0\0\0\x32\0\0\0\n\0\0\0"sv, "UTF-32LE"},
		{"utf32", "\xFF\xFE\0\0a\0\0\0,\0\0\0b\0\0\0\n\0\0\0\x0A\x01\0\0,\0\0\0\x32\0\0\0\n\0\0\0"sv, "UTF-32LE"},
		{"UTF-32", "\0\0\xFE\xFF\0\0\0a\0\0\0,\0\0\0b\0\0\0\n\0\0\x01\x0A\0\0\0,\0\0\0\x32\0\0\0\n"sv, "UTF-32BE"},
	};

	for (const Wide &wide : kWide)
	{
		ImportFile file(wide.bytes);
		importer::Source source(file.path(), false);
		importer::Encoding encoding = importer::find_encoding(source, importer::scan(source), wide.name);

		EXPECT_EQ(encoding.name, wide.found);
		EXPECT_EQ(rows_of(source, importer::find_dialect(source, encoding, '\0')), "a|b/\xC4\x8A|2") << wide.name;
	}

	ImportFile file("a\0,\0b\0\n\0"sv);
	importer::Source source(file.path(), false);

	for (const char *name : {"UCS-2", "ucs2", "UCS-4", "UCS-2LE", "UNICODE", "UTF-16LE//IGNORE"})
		EXPECT_NE(thrown_by([&] {
					  (void)importer::find_encoding(source, importer::scan(source), name);
				  }).find("cannot be told apart"),
				  std::string::npos)
			<< name;
}

/* One good character among wrong bytes is enough for UTF-8: read as Windows-1252 it would become two, without a word. */
TEST(ImportEncoding, WithWrongBytesStaysUtf8)
{
	auto name_of = [](const std::string &text) {
		ImportFile file(text);
		importer::Source source(file.path(), false);

		return importer::find_encoding(source, importer::scan(source), "").name;
	};

	EXPECT_EQ(name_of("a,b\n\xC3\xA4,1\n\xE9,\xE8\n"), "UTF-8");
	EXPECT_EQ(name_of("a,b\n\xC3\xA4,1\n" + std::string(8, '\xE9') + ",1\n"), "UTF-8");
	EXPECT_EQ(name_of("a,b\n\xC3\xA4,1\n" + std::string(9, '\xE9') + ",1\n"), "WINDOWS-1252");
}

/* Of what the other encoding lacks, a '?' for each character. */
TEST(ImportEncoding, ConvertsBack)
{
	importer::Converter converter("UTF-8", "WINDOWS-1252");
	importer::Converter wide("UTF-8", "UTF-16LE");
	std::string out;

	EXPECT_TRUE(converter.convert("caf\xC3\xA9", out));
	EXPECT_EQ(out, "caf\xE9");
	EXPECT_FALSE(converter.convert("\xE4\xB8\xAD!\xC3", out));
	EXPECT_EQ(out, "?!?");
	EXPECT_TRUE(wide.convert("a,", out));
	EXPECT_EQ(out, "a\0,\0"sv);
}

} // namespace
