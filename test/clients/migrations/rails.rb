# Rails: runs a migration as the application's role, dumps the schema, and prints what schema.rb would say.
require 'active_record'
require 'stringio'

ActiveRecord::Base.establish_connection(adapter: 'postgresql', database: ENV['PGDATABASE'], username: 'migrations_app')
ActiveRecord::Migration.verbose = false

# region: migration
class DefineContactFields < ActiveRecord::Migration[6.1]
  def up
    execute "SELECT contacts.define_field('first_name', 'First Name'), contacts.define_tag('vip')"
  end

  def down
    execute "DELETE FROM contacts.field WHERE workspace_id = 1 AND merge_tag = 'first_name'"
  end
end
# end region

DefineContactFields.migrate(:up)
DefineContactFields.migrate(:up) # safe to repeat
DefineContactFields.migrate(:down)
DefineContactFields.migrate(:up)
ActiveRecord::Base.connection.enable_extension('contact_upsert') # as schema.rb does when it is loaded
schema = StringIO.new
ActiveRecord::SchemaDumper.dump(ActiveRecord::Base.connection, schema)
puts schema.string.lines.grep(/create_table|enable_extension/).map(&:strip).sort
