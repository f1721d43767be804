<?php
// Fails unless Laravel and Doctrine, where they have a connection for reading, send a SELECT there, and to the other one if they are told.
require_once 'Illuminate/Database/autoload.php';
require_once 'Doctrine/DBAL/autoload.php';

use Doctrine\DBAL\Connections\PrimaryReadReplicaConnection;
use Doctrine\DBAL\DriverManager;
use Doctrine\DBAL\Exception\DriverException;
use Illuminate\Database\Capsule\Manager as DB;
use Illuminate\Database\QueryException;

$manager = new DB();
$manager->addConnection([
    'driver' => 'pgsql',
    'database' => getenv('PGDATABASE'),
    'username' => getenv('PGUSER'),
    'read' => ['host' => getenv('PGHOST')],
    'write' => ['host' => getenv('PGHOST')],
]);
$connection = $manager->getConnection();
$connection->getReadPdo()->exec('SET default_transaction_read_only = on'); // as a standby is
$request = ['{"email_address": "a@example.com"}'];
try {
    $connection->selectOne('SELECT contact_upsert(?::jsonb)', $request);
    exit(1);
} catch (QueryException $error) {
    $error->getCode() === '25006' or exit(2);
}
$connection->selectOne('SELECT contact_upsert(?::jsonb)', $request, false);

$server = ['host' => getenv('PGHOST'), 'port' => getenv('PGPORT'), 'dbname' => getenv('PGDATABASE'), 'user' => getenv('PGUSER')];
$connection = DriverManager::getConnection([
    'wrapperClass' => PrimaryReadReplicaConnection::class,
    'driver' => 'pdo_pgsql',
    'primary' => $server,
    'replica' => [$server],
]);
$connection->executeQuery('SET default_transaction_read_only = on');
try {
    $connection->executeQuery('SELECT contact_upsert(?::jsonb)', $request);
    exit(3);
} catch (DriverException $error) {
    $error->getSQLState() === '25006' or exit(4);
}
$connection->ensureConnectedToPrimary();
$connection->executeQuery('SELECT contact_upsert(?::jsonb)', $request);
