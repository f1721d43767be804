<?php
// Doctrine DBAL, on PDO.

// region: connect
require_once 'Doctrine/DBAL/autoload.php'; // Composer's vendor/autoload.php, elsewhere

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\DriverManager;

$connection = DriverManager::getConnection([
    'driver' => 'pdo_pgsql',
    'dbname' => getenv('PGDATABASE'), // without it, the database "postgres"
    'user' => getenv('PGUSER'),
]);
// end region

// region: call
function upsert(Connection $connection, mixed $request): string
{
    // The type 'json' makes text of the request.
    return $connection->fetchOne('SELECT contact_upsert(?::jsonb)', [$request], ['json']);
}

function upsertMany(Connection $connection, mixed $requests): array
{
    return $connection->fetchAllAssociative(
        'SELECT position, outcome, version, error FROM contacts.upsert_many(?::jsonb)',
        [$requests],
        ['json'],
    );
}
// end region

function preview(Connection $connection, mixed $request): array
{
    return $connection->fetchAllAssociative(
        'SELECT outcome, version, changes, error FROM contacts.preview(?::jsonb)',
        [$request],
        ['json'],
    );
}

function upsertText(Connection $connection, string $text): string
{
    return $connection->fetchOne('SELECT contact_upsert(?::jsonb)', [$text]);
}

// region: error
// A DriverException; the PDOException below has all of it, a line each: ERROR:, DETAIL: with the code, HINT:.
function failure(Doctrine\DBAL\Exception\DriverException $error): array
{
    $text = $error->getPrevious()->getPrevious()->errorInfo[2];
    $part = fn (string $name) => preg_match("/^$name:  (.*)$/m", $text, $found) ? $found[1] : null;
    return [
        'sqlstate' => $error->getSQLState(),
        'message' => $part('ERROR'),
        'detail' => $part('DETAIL'),
        'hint' => $part('HINT'),
    ];
}
// end region

require __DIR__ . '/steps.php';

$connection->setNestTransactionsWithSavepoints(true);
$refused = "Doctrine\\DBAL\\Types\\ConversionException: Could not convert PHP type 'array' to 'json', as an";
run_steps(
    ['client' => 'Doctrine DBAL', 'version' => getenv('CLIENT_VERSION'), 'jsonb' => 'text',
        'numbers' => 'integers', 'bigint' => 'number', 'outcomes' => [
            'upsert_nan' => ['refused' => "$refused 'Inf and NaN cannot be JSON encoded'"], 'upsert_date' => 'object',
            'upsert_half_emoji' => ['refused' => "$refused 'Malformed UTF-8 characters"], 'upsert_bare_text' => 'stored',
        ]],
    [
        'upsert' => fn ($request) => upsert($connection, $request),
        'upsert_many' => fn ($requests) => upsertMany($connection, $requests),
        'preview' => fn ($request) => preview($connection, $request),
        'upsert_text' => fn ($text) => upsertText($connection, $text),
        'sql' => function ($sql) use ($connection) {
            $connection->executeStatement($sql);
        },
        ...values(fn ($request) => upsert($connection, $request)),
        'upsert_bare_text' => fn () => upsertText($connection, '{"email_address": "value@example.com"}'),
    ],
    fn (callable $body) => $connection->transactional($body),
    'failure',
    Doctrine\DBAL\Exception\DriverException::class,
);
