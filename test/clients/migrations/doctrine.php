<?php
// Doctrine: prints whether its tools see tables, without a filter and with one.
require_once 'Doctrine/DBAL/autoload.php';

$connection = Doctrine\DBAL\DriverManager::getConnection(
    ['driver' => 'pdo_pgsql', 'dbname' => getenv('PGDATABASE'), 'user' => 'migrations_app'],
);
$connection->executeStatement(file_get_contents($argv[1]));
$seen = fn () => (int) (count($connection->createSchemaManager()->listTableNames()) > 0);
echo $seen(), "\n";
// region: filter
// doctrine.dbal.schema_filter in Symfony: '~^(?!contacts(_internal)?\.)~'
$connection->getConfiguration()->setSchemaAssetsFilter(
    fn ($asset) => !preg_match('~^contacts(_internal)?\.~', is_string($asset) ? $asset : $asset->getName()),
);
// end region
echo $seen(), "\n";
