// The peers' way to load contacts, as their documentation describes it and written anew here: a program sends row after row through its
// driver, in transactions of some hundred rows; each is one prepared INSERT ... ON CONFLICT (email) DO UPDATE of name, attributes
// and the memberships of two lists. No tenant, no types of fields, no comparison, no event.
//
// Usage: peers_bench create|change|unchanged CONTACTS SECONDS. The server and the settings are those of the environment. Prints rows a second.
#include <libpq-fe.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace {

constexpr int kRows = 500;

constexpr char kUpsert[] =
	"WITH written AS ("
	" INSERT INTO peers.subscriber AS s (email, name, attributes) VALUES ($1, $2, $3::jsonb)"
	" ON CONFLICT (email) DO UPDATE SET name = excluded.name, attributes = excluded.attributes, updated_at = now()"
	" RETURNING id)"
	" INSERT INTO peers.membership (subscriber_id, list_id, status)"
	" SELECT w.id, l.id, 'confirmed' FROM written w, unnest($4::int[]) l (id)"
	" ON CONFLICT (subscriber_id, list_id) DO UPDATE SET status = excluded.status, updated_at = now()";

PGconn *connection;

[[noreturn]] void
fail(const char *message)
{
	std::fprintf(stderr, "peers_bench: %s\n", message);
	std::exit(1);
}

void
check(PGresult *result, ExecStatusType wanted)
{
	if (PQresultStatus(result) != wanted)
		fail(PQerrorMessage(connection));
	PQclear(result);
}

void
write_row(long number, long score)
{
	std::string email = "c" + std::to_string(number) + "@example.com";
	std::string attributes = R"({"first_name": "Tywin", "last_name": "Lannister", "company": "Casterly Rock Mining", )"
							 R"("birthday": "1967-05-14", "plan": "business", "score": )" +
							 std::to_string(score) + "}";
	const char *const values[] = {email.c_str(), "Tywin Lannister", attributes.c_str(), "{1,2}"};

	check(PQexecPrepared(connection, "upsert", 4, values, nullptr, nullptr, 0), PGRES_COMMAND_OK);
}

} // namespace

int
main(int argc, char **argv)
{
	if (argc != 4)
		fail("usage: peers_bench create|change|unchanged CONTACTS SECONDS");

	std::string scenario = argv[1];
	long contacts = std::atol(argv[2]);
	std::mt19937_64 random{std::random_device{}()};
	auto up_to = [&](long most) { return std::uniform_int_distribution<long>(1, most)(random); };

	connection = PQconnectdb("");
	if (PQstatus(connection) != CONNECTION_OK)
		fail(PQerrorMessage(connection));
	check(PQprepare(connection, "upsert", kUpsert, 4, nullptr), PGRES_COMMAND_OK);

	// The numbers and scores are those of calls/*.sql.
	auto start = std::chrono::steady_clock::now();
	std::chrono::duration<double> passed{};
	long rows = 0;

	while (passed.count() < std::atof(argv[3]))
	{
		check(PQexec(connection, "BEGIN"), PGRES_COMMAND_OK);
		for (int i = 0; i < kRows; i++)
			if (scenario == "create")
				write_row(1'000'000'000'000 + up_to(8'000'000'000'000), up_to(1'000'000'000));
			else if (scenario == "change")
				write_row(2 * up_to(contacts / 2) - 1, up_to(1'000'000'000));
			else
			{
				long number = 2 * up_to(contacts / 2);

				write_row(number, number);
			}
		check(PQexec(connection, "COMMIT"), PGRES_COMMAND_OK);
		rows += kRows;
		passed = std::chrono::steady_clock::now() - start;
	}
	std::printf("%.0f\n", static_cast<double>(rows) / passed.count());
	PQfinish(connection);
}
