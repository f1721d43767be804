# ActiveRecord, on pg.
require 'json'
require 'time'

# region: connect
require 'active_record'

ActiveRecord::Base.establish_connection(
  adapter: 'postgresql',
  database: ENV['PGDATABASE'],
  prepared_statements: !ENV['POOLED'], # false for a pooler that pools transactions
  advisory_locks: !ENV['POOLED']       # likewise, for migrations
)
# end region

# region: call
def upsert(request)
  sql = ActiveRecord::Base.sanitize_sql(['SELECT contact_upsert(?::jsonb)', request.to_json])
  # Not select_value, which the query cache of a web request answers the second time.
  ActiveRecord::Base.connection.exec_query(sql).rows.first.first # text: JSON.parse of it
end

def upsert_many(requests)
  sql = ActiveRecord::Base.sanitize_sql(
    ['SELECT position, outcome, version, error FROM contacts.upsert_many(?::jsonb)', requests.to_json]
  )
  ActiveRecord::Base.connection.exec_query(sql).to_a
end
# end region

def preview(request)
  sql = ActiveRecord::Base.sanitize_sql(
    ['SELECT outcome, version, changes, error FROM contacts.preview(?::jsonb)', request.to_json]
  )
  ActiveRecord::Base.connection.exec_query(sql).to_a
end

def upsert_text(text)
  sql = ActiveRecord::Base.sanitize_sql(['SELECT contact_upsert(?::jsonb)::text', text])
  ActiveRecord::Base.connection.select_value(sql)
end

# region: error
def failure(error)
  result = error.cause.result # of the PG::Error
  {
    sqlstate: result.error_field(PG::PG_DIAG_SQLSTATE),
    message: result.error_field(PG::PG_DIAG_MESSAGE_PRIMARY),
    detail: result.error_field(PG::PG_DIAG_MESSAGE_DETAIL), # JSON.parse of it has the code
    hint: result.error_field(PG::PG_DIAG_MESSAGE_HINT)
  }
end
# end region

VALUE = { email_address: 'value@example.com' }.freeze

CALLS = {
  'upsert' => ->(request) { upsert(request) },
  'upsert_many' => ->(requests) { upsert_many(requests) },
  'preview' => ->(request) { preview(request) },
  'upsert_text' => ->(text) { upsert_text(text) },
  'sql' => ->(sql) { ActiveRecord::Base.connection.execute(sql) && nil },
  'upsert_nan' => ->(_) { upsert(VALUE.merge(fields: { amount: Float::NAN })) },
  'upsert_date' => ->(_) { upsert(VALUE.merge(fields: { birthday: Time.utc(2024, 3, 1, 1, 30) })) },
  'upsert_half_emoji' => ->(_) { upsert(VALUE.merge(fields: { name: "\xED\xA0\xBD" })) },
  'upsert_bare_text' => ->(_) { upsert_text(VALUE.to_json) }
}.freeze

def say(line)
  puts JSON.generate(line)
end

def run(step)
  if step['steps']
    begin
      ActiveRecord::Base.transaction(requires_new: true) { step['steps'].each { |inner| run(inner) } }
    rescue ActiveRecord::StatementInvalid
      # Said below. The block is rolled back: on with what is behind it.
    end
  elsif CALLS.key?(step['do'])
    begin
      say({ step: step['name'], answer: CALLS[step['do']].call(step['send']) })
    rescue ActiveRecord::StatementInvalid => e
      say({ step: step['name'], error: failure(e) })
      raise
    rescue StandardError => e
      say({ step: step['name'], refused: "#{e.class}: #{e.message.scrub}" })
    end
  end
end

say({ client: 'ActiveRecord', version: ActiveRecord.version.to_s, jsonb: 'text', numbers: 'integers', bigint: 'number',
      outcomes: { upsert_nan: 'cleared', upsert_date: 'stored', upsert_half_emoji: { refused: 'JSON::GeneratorError: source sequence is illegal' }, upsert_bare_text: 'stored' } })
JSON.parse(File.read(ARGV[0]))['steps'].each do |step|
  run(step)
rescue ActiveRecord::StatementInvalid
  next # said above
end
