/* import_text_test.cpp - the header of a file, and what contact-import shows and sends as text. */
#include <gtest/gtest.h>

#include "import_file.hpp"

#include "import/header.hpp"
#include "import/reject.hpp"
#include "import/server.hpp"
#include "import/show.hpp"
#include "import/staging.hpp"

namespace {

/* A header, and what is wrong with each of the rows below it. */
std::string
problems(std::string_view bytes)
{
	ImportFile file(bytes);
	importer::Source source(file.path(), false);
	importer::Rows rows(source, importer::find_dialect(source, importer::Encoding(), ','));
	importer::Row row;
	std::string text;

	(void)rows.next(row);

	importer::Header header("f", row);

	while (rows.next(row))
		text += header.problem(row) + "/";
	return text;
}

std::string
header_problem(std::string_view bytes)
{
	return thrown_by([&] { (void)problems(bytes); });
}

TEST(ImportHeader, IsRefused)
{
	EXPECT_EQ(header_problem("a, b ,c\n"), "");
	EXPECT_EQ(header_problem("a,,c\n"), "f, line 1: Column 2 has no name. Give it one.");
	EXPECT_EQ(header_problem("\na,b, a\n"),
			  "f, line 2: Columns 1 and 3 have the same name, \"a\". Give one of them another.");
	EXPECT_EQ(header_problem("Ann,ann@x.org\n"),
			  "f, line 1: \"ann@x.org\" is no name of a column. The first line has to have the names: add one.");
	EXPECT_EQ(header_problem("a\x81,b\n"), "f, line 1: Line 1 has bytes that are not UTF-8.");
}

TEST(ImportHeader, TellsRowsThatDoNotFit)
{
	EXPECT_EQ(problems("a,b\n1,2\n1\n1,2,3\n\"1\n2\"\n"),
			  "/Line 3 has 1 cell, and the header has 2./Line 4 has 3 cells, and the header has 2./"
			  "The row in lines 5 to 6 has 1 cell, and the header has 2. A quote may be missing in it./");
	EXPECT_EQ(problems("a,b,,\n1,2,, \n1,2,,x\n1,2\n"),
			  "/Line 3 has something in column 4, which has no name in the header./Line 4 has 2 cells, and the header "
			  "has 4./");
}

/* A row of a reject file that was too short by two has as many cells with its reasons as the file has columns without. */
TEST(ImportHeader, KnowsTheReasonsOfARejectFile)
{
	EXPECT_EQ(problems("a,b,c,contact_import_column,contact_import_reason\n1,2,3,x,y\n1,,Line 7 has 1 cell\n1,2,3\n"),
			  "/Line 3 has 1 cell, and the header has 3./Line 4 has 3 cells, and the header has 5./");
}

TEST(ImportHeader, NamesColumnsOfTheTable)
{
	std::string longest(63, 'x');
	ImportFile file("ctid,contact_import_line,a," + longest + "y," + longest + "z," + std::string(62, 'x') +
					"\xC3\xA9\n");
	importer::Source source(file.path(), false);
	importer::Rows rows(source, importer::find_dialect(source, importer::Encoding(), ','));
	importer::Row row;
	std::string names;

	(void)rows.next(row);

	importer::Header header("f", row);

	for (const importer::Column &column : header.columns())
		names += column.staged + "/";
	EXPECT_EQ(names,
			  "ctid_1/contact_import_line_1/a/" + longest + "/" + std::string(61, 'x') + "_2/" + std::string(62, 'x') +
				  "/");
}

TEST(ImportText, IsCopied)
{
	std::string text;

	importer::append_copy_text(text, " \t");
	importer::append_copy_text(text, "a\\b\tc\nd\re");
	EXPECT_EQ(text, "\\Na\\\\b\\tc\\nd\\re");
	EXPECT_EQ(importer::array_text({"a\"b", std::nullopt, "", "c\\,"}), "{\"a\\\"b\",NULL,\"\",\"c\\\\,\"}");
	EXPECT_EQ(importer::in_quotes("say \"hi\"\nnow", '"'), "\"say \"\"hi\"\" now\"");
}

TEST(ImportText, IsShown)
{
	EXPECT_EQ(importer::grouped(0) + importer::grouped(999) + importer::grouped(1000) + importer::grouped(-1234567),
			  "09991,000-1,234,567");
	EXPECT_EQ(importer::counted(1, "row") + importer::counted(2, "row"), "1 row2 rows");
	EXPECT_EQ(importer::duration(58.2) + " " + importer::duration(61) + " " + importer::duration(7384),
			  "59 s 1:01 2:03:04");
	EXPECT_EQ(importer::elapsed(0.21) + " " + importer::elapsed(61), "0.3 s 1:01");
	EXPECT_EQ(importer::shortened("caf\xC3\xA9\x1B!", 6) + importer::shortened("caf\xC3\xA9s", 4),
			  "caf\xC3\xA9?!caf\xE2\x80\xA6");
	EXPECT_EQ(importer::table({{"a", "bb"}, {"\xC3\xA9\xC3\xA9", "c"}}), "  a   bb\n  \xC3\xA9\xC3\xA9  c\n");
}

TEST(ImportText, ShowsHowFarSomethingIs)
{
	EXPECT_EQ(importer::progress_line("Loading", 250000, 1000000, 12345, 100),
			  "Loading [######                  ] 25%  250,000 of 1,000,000 rows, 12,345/s, 1:01 left");
	EXPECT_EQ(importer::progress_line("Loading", 14800, 30000, 21576, 79),
			  "Loading [##########            ] 49%  14,800 of 30,000 rows, 21,576/s, 1 s left");
	EXPECT_EQ(importer::progress_line("Loading", 10, 10, 5, 38), "Loading 100%  10 of 10 rows, 5/s");
	EXPECT_EQ(importer::progress_line("Loading", 0, 0, 0, 200), "Loading [                        ] 0%  0 of 0 rows");
	EXPECT_EQ(importer::progress_line("Loading", 250000, 1000000, 12345, 12), "Loading 25%\xE2\x80\xA6");
}

} // namespace
