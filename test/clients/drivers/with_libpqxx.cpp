// libpqxx. It reads no JSON: requests and answers are text.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <pqxx/pqxx>

// region: call
static std::string
upsert(pqxx::dbtransaction &transaction, const std::string &request)
{
	return transaction.exec_params("SELECT contact_upsert($1)", request)[0][0].as<std::string>();
}

static pqxx::result
upsert_many(pqxx::dbtransaction &transaction, const std::string &requests)
{
	return transaction.exec_params("SELECT position, outcome, version, error FROM contacts.upsert_many($1)", requests);
}
// end region

static pqxx::result
preview(pqxx::dbtransaction &transaction, const std::string &request)
{
	return transaction.exec_params("SELECT outcome, version, changes, error FROM contacts.preview($1)", request);
}

// region: error
// what() has all of it, a line each: part(error, "ERROR"), "DETAIL", whose JSON has the code, and "HINT".
static std::string
part(const pqxx::sql_error &error, const std::string &name)
{
	const std::string text = "\n" + std::string(error.what());
	const std::string begins = "\n" + name + ":  ";
	const auto found = text.find(begins);
	if (found == std::string::npos)
		return "";
	const auto begin = found + begins.size();
	return text.substr(begin, text.find('\n', begin) - begin);
}

static std::string
sqlstate(const pqxx::sql_error &error)
{
	// libpqxx 6 forgets that of this one class.
	if (dynamic_cast<const pqxx::insufficient_privilege *>(&error))
		return "42501";
	return std::string(error.sqlstate());
}
// end region

static std::string
quoted(const std::string &text)
{
	std::string json = "\"";
	for (const char c : text)
		if (c == '"' || c == '\\')
			json += {'\\', c};
		else if (static_cast<unsigned char>(c) < ' ')
		{
			char escape[8];
			std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
			json += escape;
		}
		else
			json += c;
	return json + "\"";
}

static std::string
quoted_or_null(const std::string &text)
{
	return text.empty() ? "null" : quoted(text);
}

static std::string
as_json(const pqxx::result &rows)
{
	std::string json;
	for (const auto &row : rows)
	{
		std::string fields;
		for (const auto &field : row)
			fields += (fields.empty() ? "" : ", ") + quoted(std::string(field.name())) + ": " +
					  (field.is_null() ? "null" : quoted(field.c_str()));
		json += (json.empty() ? "[{" : ", {") + fields + "}";
	}
	return json + "]";
}

struct Step
{
	std::string kind, name, send;
	std::vector<Step> steps;
};

// Up to "end" or the end of the table, whose format is that of check.py's "lines".
static std::vector<Step>
read_steps(std::istream &table)
{
	std::vector<Step> steps;
	for (Step step; std::getline(table, step.kind, '\t') && std::getline(table, step.name, '\t') &&
					std::getline(table, step.send);)
	{
		if (step.kind == "end")
			break;
		step.steps = step.kind == "transaction" || step.kind == "savepoint" ? read_steps(table) : std::vector<Step>();
		steps.push_back(step);
	}
	return steps;
}

// What came back as JSON; nothing for a step that cannot be sent.
static std::string
answer(pqxx::dbtransaction &transaction, const Step &step)
{
	if (step.kind == "upsert" || step.kind == "upsert_text")
		return quoted(upsert(transaction, step.send));
	if (step.kind == "upsert_bare_text")
		return quoted(upsert(transaction, R"({"email_address": "value@example.com"})"));
	if (step.kind == "upsert_many")
		return as_json(upsert_many(transaction, step.send));
	if (step.kind == "preview")
		return as_json(preview(transaction, step.send));
	if (step.kind != "sql")
		return "";
	transaction.exec(step.send);
	return "null";
}

static void
run(pqxx::dbtransaction &transaction, const Step &step)
{
	try
	{
		if (const std::string got = answer(transaction, step); !got.empty())
			std::cout << "{\"step\": " << quoted(step.name) << ", \"answer\": " << got << "}\n";
	}
	catch (const pqxx::sql_error &error)
	{
		std::cout << "{\"step\": " << quoted(step.name) << ", \"error\": {\"sqlstate\": " << quoted(sqlstate(error))
				  << ", \"message\": " << quoted(part(error, "ERROR"))
				  << ", \"detail\": " << quoted_or_null(part(error, "DETAIL"))
				  << ", \"hint\": " << quoted_or_null(part(error, "HINT")) << "}}\n";
		throw;
	}
}

// Steps in one transaction or, inside of it, in savepoints. An error has been said where it came up.
static void
run_all(pqxx::dbtransaction &transaction, const std::vector<Step> &steps)
{
	for (const auto &step : steps)
		if (step.steps.empty())
			run(transaction, step);
		else
			try
			{
				// region: savepoint
				pqxx::subtransaction inside(transaction);
				inside.exec("SELECT"); // libpqxx 6 sets no savepoint for exec_params()
				// end region
				run_all(inside, step.steps);
				inside.commit();
			}
			catch (const pqxx::sql_error &)
			{
				continue; // rolled back to the savepoint
			}
}

int
main(int, char **arguments)
{
	pqxx::connection connection("");
	std::cout
		<< R"({"client": "libpqxx", "version": ")" << PQXX_VERSION
		<< R"(", "jsonb": "text", "numbers": "exact", "bigint": "any", "outcomes": {"upsert_bare_text": "stored"}})"
		<< "\n";
	std::ifstream table(arguments[1]);
	for (const auto &step : read_steps(table))
		try
		{
			pqxx::work transaction(connection);
			run_all(transaction, step.steps.empty() ? std::vector<Step>{step} : step.steps);
			transaction.commit();
		}
		catch (const pqxx::sql_error &)
		{
			continue; // rolled back
		}
	return 0;
}
