# Rails: makes a test database from the template as the application's role, drops it and makes it anew, and calls in it what a seed does.
require 'active_record'

# region: database
test = {
  adapter: 'postgresql',
  database: ARGV[0],
  username: 'migrations_app',
  template: 'contacts_template'
}
# end region
ActiveRecord::Base.configurations = { 'test' => test }
config = ActiveRecord::Base.configurations.configs_for(env_name: 'test').first
tasks = ActiveRecord::Tasks::PostgreSQLDatabaseTasks.new(config)
tasks.create
tasks.purge # as loading schema.rb does
ActiveRecord::Base.establish_connection(test)
connection = ActiveRecord::Base.connection
connection.enable_extension('contact_upsert') # as schema.rb does
connection.exec_query("SELECT contacts.define_field('first_name', 'First Name')")
sql = %q(SELECT outcome FROM contacts.apply('{"email_address": "a@example.com", "fields": {"first_name": "A"}}'))
outcome = connection.exec_query(sql).rows.first.first
abort "got #{outcome}" unless outcome == 'created'
