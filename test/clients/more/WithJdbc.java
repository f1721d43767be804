// JDBC: pgjdbc, in a pool of HikariCP. It reads no JSON: requests and answers are text.

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public class WithJdbc {
    // region: connect
    static HikariDataSource pool(String url, String user) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setUsername(user);
        if (System.getenv("POOLED") != null)
            config.addDataSourceProperty("prepareThreshold", "0"); // for a pooler that pools transactions
        return new HikariDataSource(config);
    }
    // end region

    // region: call
    static String upsert(Connection connection, String request) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT contact_upsert(?::jsonb)")) {
            statement.setString(1, request);
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                return rows.getString(1);
            }
        }
    }
    // end region

    static String rows(Connection connection, String sql, String send) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setString(1, send);
            StringBuilder json = new StringBuilder("[");
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    json.append(json.length() > 1 ? ", {" : "{");
                    for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++)
                        json.append(i > 1 ? ", " : "").append(quoted(rows.getMetaData().getColumnName(i))).append(": ")
                            .append(quoted(rows.getString(i)));
                    json.append("}");
                }
            }
            return json.append("]").toString();
        }
    }

    // region: error
    static String failure(PSQLException error) {
        ServerErrorMessage server = error.getServerErrorMessage();
        return "{\"sqlstate\": " + quoted(server.getSQLState())
            + ", \"message\": " + quoted(server.getMessage())
            + ", \"detail\": " + quoted(server.getDetail()) // JSON that has the code
            + ", \"hint\": " + quoted(server.getHint()) + "}";
    }
    // end region

    static String quoted(String text) {
        if (text == null)
            return "null";
        StringBuilder json = new StringBuilder("\"");
        for (char c : text.toCharArray())
            if (c == '"' || c == '\\')
                json.append('\\').append(c);
            else if (c < ' ')
                json.append(String.format("\\u%04x", (int) c));
            else
                json.append(c);
        return json.append('"').toString();
    }

    // The format of check.py's "lines".
    record Step(String kind, String name, String send, List<Step> steps) {
        static List<Step> read(BufferedReader table) throws Exception {
            List<Step> steps = new ArrayList<>();
            for (String line; (line = table.readLine()) != null && !line.startsWith("end\t");) {
                String[] parts = line.split("\t", -1);
                boolean block = parts[0].equals("transaction") || parts[0].equals("savepoint");
                steps.add(new Step(parts[0], parts[1], parts[2], block ? read(table) : List.of()));
            }
            return steps;
        }
    }

    static String answer(Connection connection, Step step) throws SQLException {
        switch (step.kind()) {
            case "upsert", "upsert_text":
                return quoted(upsert(connection, step.send()));
            case "upsert_bare_text":
                return quoted(upsert(connection, "{\"email_address\": \"value@example.com\"}"));
            case "upsert_many":
                return rows(connection, "SELECT position, outcome, version, error FROM contacts.upsert_many(?::jsonb)", step.send());
            case "preview":
                return rows(connection, "SELECT outcome, version, changes, error FROM contacts.preview(?::jsonb)", step.send());
            case "sql":
                try (Statement statement = connection.createStatement()) {
                    statement.execute(step.send());
                }
                return "null";
            default:
                return null;
        }
    }

    static void run(Connection connection, Step step) throws SQLException {
        if (step.steps().isEmpty()) {
            try {
                String answer = answer(connection, step);
                if (answer != null)
                    System.out.println("{\"step\": " + quoted(step.name()) + ", \"answer\": " + answer + "}");
            } catch (PSQLException error) {
                System.out.println("{\"step\": " + quoted(step.name()) + ", \"error\": " + failure(error) + "}");
                throw error;
            }
            return;
        }
        boolean outermost = connection.getAutoCommit();
        connection.setAutoCommit(false);
        Savepoint savepoint = outermost ? null : connection.setSavepoint();
        try {
            for (Step inner : step.steps())
                run(connection, inner);
            if (outermost)
                connection.commit();
        } catch (SQLException error) { // said above; rolled back: on with what is behind it
            if (outermost)
                connection.rollback();
            else
                connection.rollback(savepoint);
        }
        if (outermost)
            connection.setAutoCommit(true);
    }

    // pgjdbc reads no PGHOST, and knows no sockets of Unix.
    static String url() {
        return "jdbc:postgresql://127.0.0.1:" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    }

    public static void main(String[] arguments) throws Exception {
        System.setOut(new java.io.PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true, "UTF-8"));
        System.out.println("{\"client\": \"JDBC with HikariCP\", \"version\": \"" + System.getenv("CLIENT_VERSION") + "\", \"jsonb\": \"text\","
            + " \"numbers\": \"exact\", \"bigint\": \"any\", \"outcomes\": {\"upsert_bare_text\": \"stored\"}}");
        try (HikariDataSource pool = pool(url(), System.getenv("PGUSER"));
                BufferedReader table = Files.newBufferedReader(Path.of(arguments[0]))) {
            for (Step step : Step.read(table))
                try (Connection connection = pool.getConnection()) {
                    run(connection, step);
                } catch (PSQLException error) {
                    continue; // said above
                }
        }
    }
}
