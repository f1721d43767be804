<?php
// Laravel's DB, which is illuminate/database, on PDO.

// region: connect
require_once 'Illuminate/Database/autoload.php'; // in Laravel all of this is config/database.php

use Illuminate\Database\Capsule\Manager as DB;

$manager = new DB();
$manager->addConnection([
    'driver' => 'pgsql',
    'database' => getenv('PGDATABASE'),
    'username' => getenv('PGUSER'),
    'options' => [PDO::ATTR_EMULATE_PREPARES => (bool) getenv('POOLED')], // true for a pooler that pools transactions
]);
$manager->setAsGlobal();
// end region

// region: call
function upsert(mixed $request): string
{
    $row = DB::connection()->selectOne(
        'SELECT contact_upsert(?::jsonb) AS answer',
        [json_encode($request, JSON_THROW_ON_ERROR)],
        false, // not by the connection for reading
    );
    return $row->answer; // text: json_decode($row->answer, true)['data']
}

function upsertMany(mixed $requests): array
{
    return DB::connection()->select(
        'SELECT position, outcome, version, error FROM contacts.upsert_many(?::jsonb)',
        [json_encode($requests, JSON_THROW_ON_ERROR)],
        false,
    );
}
// end region

function preview(mixed $request): array
{
    return DB::connection()->select(
        'SELECT outcome, version, changes, error FROM contacts.preview(?::jsonb)',
        [json_encode($request, JSON_THROW_ON_ERROR)],
    );
}

function upsertText(string $text): string
{
    return DB::connection()->selectOne('SELECT contact_upsert(?::jsonb)::text AS answer', [$text], false)->answer;
}

// region: error
// A QueryException; its errorInfo[2] has all of it, a line each: ERROR:, DETAIL: with the code, HINT:.
function failure(Illuminate\Database\QueryException $error): array
{
    [$sqlstate, , $text] = $error->errorInfo;
    $part = fn (string $name) => preg_match("/^$name:  (.*)$/m", $text, $found) ? $found[1] : null;
    return ['sqlstate' => $sqlstate, 'message' => $part('ERROR'), 'detail' => $part('DETAIL'), 'hint' => $part('HINT')];
}
// end region

require __DIR__ . '/steps.php';

run_steps(
    ['client' => 'Laravel DB', 'version' => getenv('CLIENT_VERSION'), 'jsonb' => 'text',
        'numbers' => 'integers', 'bigint' => 'number', 'outcomes' => [
            'upsert_nan' => ['refused' => 'JsonException: Inf and NaN cannot be JSON encoded'], 'upsert_date' => 'object',
            'upsert_half_emoji' => ['refused' => 'JsonException: Malformed UTF-8 characters'],
            'upsert_bare_text' => 'stored',
        ]],
    [
        'upsert' => 'upsert',
        'upsert_many' => 'upsertMany',
        'preview' => 'preview',
        'upsert_text' => 'upsertText',
        'sql' => function ($sql) {
            DB::connection()->statement($sql);
        },
        ...values('upsert'),
        'upsert_bare_text' => fn () => upsertText('{"email_address": "value@example.com"}'),
    ],
    fn (callable $body) => DB::connection()->transaction($body),
    'failure',
    Illuminate\Database\QueryException::class,
);
