<?php
// PDO.

// region: connect
$pdo = new PDO('pgsql:', null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
// end region
if (getenv('POOLED')) {
    $pdo->setAttribute(PDO::PGSQL_ATTR_DISABLE_PREPARES, true);
}

// region: call
function upsert(PDO $pdo, mixed $request): string
{
    $statement = $pdo->prepare('SELECT contact_upsert(?::jsonb)');
    $statement->execute([json_encode($request, JSON_THROW_ON_ERROR)]);
    return $statement->fetchColumn(); // text: json_decode($answer, true)['data']
}

function upsertMany(PDO $pdo, mixed $requests): array
{
    $statement = $pdo->prepare('SELECT position, outcome, version, error FROM contacts.upsert_many(?::jsonb)');
    $statement->execute([json_encode($requests, JSON_THROW_ON_ERROR)]);
    return $statement->fetchAll(PDO::FETCH_ASSOC);
}
// end region

function preview(PDO $pdo, mixed $request): array
{
    $statement = $pdo->prepare('SELECT outcome, version, changes, error FROM contacts.preview(?::jsonb)');
    $statement->execute([json_encode($request, JSON_THROW_ON_ERROR)]);
    return $statement->fetchAll(PDO::FETCH_ASSOC);
}

function upsertText(PDO $pdo, string $text): string
{
    $statement = $pdo->prepare('SELECT contact_upsert(?::jsonb)');
    $statement->execute([$text]);
    return $statement->fetchColumn();
}

// region: error
// errorInfo[2] has all of it, a line each: ERROR:  message, DETAIL:  JSON that has the code, HINT:  what to do.
function failure(PDOException $error): array
{
    [$sqlstate, , $text] = $error->errorInfo;
    $part = fn (string $name) => preg_match("/^$name:  (.*)$/m", $text, $found) ? $found[1] : null;
    return ['sqlstate' => $sqlstate, 'message' => $part('ERROR'), 'detail' => $part('DETAIL'), 'hint' => $part('HINT')];
}
// end region

require __DIR__ . '/steps.php';

$depth = 0;
run_steps(
    ['client' => 'PDO', 'version' => 'of PHP ' . PHP_VERSION, 'jsonb' => 'text', 'numbers' => 'integers', 'bigint' => 'number', 'outcomes' => [
        'upsert_nan' => ['refused' => 'JsonException: Inf and NaN cannot be JSON encoded'], 'upsert_date' => 'object',
        'upsert_half_emoji' => ['refused' => 'JsonException: Malformed UTF-8 characters'],
        'upsert_bare_text' => 'stored',
    ]],
    [
        'upsert' => fn ($request) => upsert($pdo, $request),
        'upsert_many' => fn ($requests) => upsertMany($pdo, $requests),
        'preview' => fn ($request) => preview($pdo, $request),
        'upsert_text' => fn ($text) => upsertText($pdo, $text),
        'sql' => function ($sql) use ($pdo) {
            $pdo->query($sql);
        },
        ...values(fn ($request) => upsert($pdo, $request)),
        'upsert_bare_text' => fn () => upsertText($pdo, '{"email_address": "value@example.com"}'),
    ],
    function (callable $body) use ($pdo, &$depth) {
        $depth++ ? $pdo->exec('SAVEPOINT inside') : $pdo->beginTransaction();
        try {
            $body();
            --$depth ? $pdo->exec('RELEASE SAVEPOINT inside') : $pdo->commit();
        } catch (Throwable $error) {
            --$depth ? $pdo->exec('ROLLBACK TO SAVEPOINT inside') : $pdo->rollBack();
            throw $error;
        }
    },
    'failure',
    PDOException::class,
);
