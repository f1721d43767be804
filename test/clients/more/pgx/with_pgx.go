// pgx. A request is passed as a string of JSON; an answer is read as json.RawMessage.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

// region: connect
func connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, err
	}
	config.PreferSimpleProtocol = os.Getenv("POOLED") != "" // true for a pooler that pools transactions
	return pgx.ConnectConfig(ctx, config)
}

// end region

// Beginner is a connection, a transaction or a savepoint.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	QueryRow(ctx context.Context, sql string, arguments ...interface{}) pgx.Row
	Query(ctx context.Context, sql string, arguments ...interface{}) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, arguments ...interface{}) (pgconn.CommandTag, error)
}

// region: call
func upsert(ctx context.Context, db Beginner, request json.RawMessage) (answer json.RawMessage, err error) {
	err = db.QueryRow(ctx, "SELECT contact_upsert($1::jsonb)", string(request)).Scan(&answer)
	return answer, err
}

// end region

func rows(ctx context.Context, db Beginner, sql string, send json.RawMessage) ([]map[string]interface{}, error) {
	rows, err := db.Query(ctx, sql, string(send))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []map[string]interface{}{}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		row := map[string]interface{}{}
		for i, field := range rows.FieldDescriptions() {
			row[string(field.Name)] = values[i]
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// region: error
func failure(err error) map[string]interface{} {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return nil
	}
	return map[string]interface{}{
		"sqlstate": server.Code,
		"message":  server.Message,
		"detail":   orNull(server.Detail), // json.Unmarshal of it has the code
		"hint":     orNull(server.Hint),
	}
}

// end region

func orNull(text string) interface{} {
	if text == "" {
		return nil
	}
	return text
}

type step struct {
	Name, Do string
	Send     json.RawMessage
	Steps    []step
}

func (s step) answer(ctx context.Context, db Beginner) (interface{}, error) {
	var text string
	_ = json.Unmarshal(s.Send, &text)
	switch s.Do {
	case "upsert":
		return upsert(ctx, db, s.Send)
	case "upsert_text", "upsert_bare_text":
		if s.Do == "upsert_bare_text" {
			text = `{"email_address": "value@example.com"}`
		}
		answer, err := upsert(ctx, db, json.RawMessage(text))
		if s.Do == "upsert_text" {
			return string(answer), err
		}
		return answer, err
	case "upsert_many":
		return rows(ctx, db, "SELECT position, outcome::text, version, error FROM contacts.upsert_many($1::jsonb)", s.Send)
	case "preview":
		return rows(ctx, db, "SELECT outcome::text, version, changes, error FROM contacts.preview($1::jsonb)", s.Send)
	case "sql":
		_, err := db.Exec(ctx, text)
		return nil, err
	}
	return nil, errNotSent
}

var errNotSent = errors.New("this cannot be sent")

func say(line map[string]interface{}) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func (s step) run(ctx context.Context, db Beginner) error {
	if s.Steps != nil {
		inside, err := db.Begin(ctx) // a savepoint, inside of a transaction
		if err != nil {
			return err
		}
		for _, inner := range s.Steps {
			if inner.run(ctx, inside) != nil { // said below
				return inside.Rollback(ctx)
			}
		}
		return inside.Commit(ctx)
	}
	answer, err := s.answer(ctx, db)
	if err == nil {
		say(map[string]interface{}{"step": s.Name, "answer": answer})
	} else if seen := failure(err); seen != nil {
		say(map[string]interface{}{"step": s.Name, "error": seen})
	} else if !errors.Is(err, errNotSent) {
		say(map[string]interface{}{"step": s.Name, "refused": err.Error()})
	}
	return err
}

func main() {
	ctx := context.Background()
	connection, err := connect(ctx)
	if err != nil {
		panic(err)
	}
	say(map[string]interface{}{"client": "pgx", "version": os.Getenv("CLIENT_VERSION"), "jsonb": "parsed", "numbers": "exact", "bigint": "number",
		"outcomes": map[string]string{"upsert_bare_text": "stored"}})
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var table struct{ Steps []step }
	if err := json.Unmarshal(text, &table); err != nil {
		panic(err)
	}
	for _, s := range table.Steps {
		_ = s.run(ctx, connection) // said there
	}
}
