# Fails unless ActiveRecord's query cache, on in a web request, answers the second select_value of a statement, and exec_query runs.
require 'active_record'

ActiveRecord::Base.establish_connection(adapter: 'postgresql', database: ENV['PGDATABASE'])
connection = ActiveRecord::Base.connection
connection.execute('CREATE SEQUENCE calls')
seen = ActiveRecord::Base.cache do
  [connection.select_value("SELECT nextval('calls')"), connection.select_value("SELECT nextval('calls')"),
   connection.exec_query("SELECT nextval('calls')").rows.first.first]
end
abort "got #{seen}" unless seen == [1, 1, 2]
