//! tokio-postgres, with its feature with-serde_json-1.

// region: connect
use serde_json::{json, Value};
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Error, NoTls};

async fn connect(config: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(config, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
// end region

// region: call
async fn upsert(client: &Client, request: &Value) -> Result<Value, Error> {
    let row = client.query_one("SELECT contact_upsert($1)", &[&Json(request)]).await?;
    Ok(row.get(0))
}
// end region

async fn upsert_text(client: &Client, text: &str) -> Result<Value, Error> {
    let row = client.query_one("SELECT contact_upsert($1::text::jsonb)::text", &[&text]).await?;
    Ok(Value::String(row.get(0)))
}

async fn rows(client: &Client, sql: &str, send: &Value) -> Result<Value, Error> {
    let mut all = Vec::new();
    for row in client.query(sql, &[&Json(send)]).await? {
        let mut object = serde_json::Map::new();
        for (i, column) in row.columns().iter().enumerate() {
            let value = match column.type_().name() {
                "int8" => json!(row.get::<_, Option<i64>>(i)),
                "jsonb" => json!(row.get::<_, Option<Value>>(i)),
                _ => json!(row.get::<_, Option<String>>(i)),
            };
            object.insert(column.name().to_string(), value);
        }
        all.push(Value::Object(object));
    }
    Ok(Value::Array(all))
}

// region: error
fn failure(error: &Error) -> Option<Value> {
    let server = error.as_db_error()?; // none: the error is the driver's own
    Some(json!({
        "sqlstate": server.code().code(),
        "message": server.message(),
        "detail": server.detail(), // serde_json::from_str of it has the code
        "hint": server.hint(),
    }))
}
// end region

async fn answer(client: &Client, kind: &str, send: &Value) -> Result<Option<Value>, Error> {
    let text = send.as_str().unwrap_or_default();
    Ok(Some(match kind {
        "upsert" => upsert(client, send).await?,
        "upsert_text" => upsert_text(client, text).await?,
        "upsert_many" => {
            let sql = "SELECT position, outcome::text, version, error FROM contacts.upsert_many($1)";
            rows(client, sql, send).await?
        }
        "preview" => {
            let sql = "SELECT outcome::text, version, changes, error FROM contacts.preview($1)";
            rows(client, sql, send).await?
        }
        "sql" => {
            client.batch_execute(text).await?;
            Value::Null
        }
        _ => return Ok(None),
    }))
}

async fn run(client: &Client, step: &Value) -> Result<(), Error> {
    let kind = step["do"].as_str().unwrap_or_default();
    match answer(client, kind, &step["send"]).await {
        Ok(None) => Ok(()),
        Ok(Some(answer)) => {
            println!("{}", json!({"step": step["name"], "answer": answer}));
            Ok(())
        }
        Err(error) => {
            match failure(&error) {
                Some(seen) => println!("{}", json!({"step": step["name"], "error": seen})),
                None => println!("{}", json!({"step": step["name"], "refused": error.to_string()})),
            }
            Err(error)
        }
    }
}

async fn run_savepoint(client: &Client, steps: &[Value]) -> Result<(), Error> {
    client.batch_execute("SAVEPOINT inside").await?;
    for step in steps {
        if run(client, step).await.is_err() {
            return client.batch_execute("ROLLBACK TO SAVEPOINT inside").await;
        }
    }
    client.batch_execute("RELEASE SAVEPOINT inside").await
}

async fn run_transaction(client: &Client, steps: &[Value]) -> Result<(), Error> {
    client.batch_execute("BEGIN").await?;
    for step in steps {
        let done = match step["steps"].as_array() {
            Some(inner) => run_savepoint(client, inner).await,
            None => run(client, step).await,
        };
        if done.is_err() {
            return client.batch_execute("ROLLBACK").await;
        }
    }
    client.batch_execute("COMMIT").await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let config = format!("host={} port={} user={} dbname={}", variable("PGHOST"), variable("PGPORT"), variable("PGUSER"), variable("PGDATABASE"));
    let client = connect(&config).await?;
    println!(
        "{}",
        json!({"client": "tokio-postgres", "version": variable("CLIENT_VERSION"), "jsonb": "parsed", "numbers": "exact", "bigint": "number", "outcomes": {}})
    );
    let table: Value = serde_json::from_str(&std::fs::read_to_string(std::env::args().nth(1).unwrap_or_default())?)?;
    for step in table["steps"].as_array().into_iter().flatten() {
        match step["steps"].as_array() {
            Some(steps) => run_transaction(&client, steps).await?,
            None => run(&client, step).await.unwrap_or(()), // said there
        }
    }
    Ok(())
}
