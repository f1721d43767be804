<?php
// Runs the steps of requests.json through a PHP client, and prints what it saw as JSON lines: see ../check.py.
//
// The client gives a function for each kind of request, and $block, which runs its argument in a transaction or, inside of one, a
// savepoint. What a client cannot send it has no function for, and such a step is left out.

function say(array $line): void
{
    echo json_encode($line, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION), "\n";
}

// What only a program can send.
function values(callable $upsert): array
{
    $fields = fn (array $fields) => fn () => $upsert(['email_address' => 'value@example.com', 'fields' => $fields]);
    return [
        'upsert_nan' => $fields(['amount' => NAN]),
        'upsert_date' => $fields(['birthday' => new DateTimeImmutable('2024-03-01T01:30:00Z')]),
        'upsert_half_emoji' => $fields(['name' => "\xED\xA0\xBD"]),
    ];
}

function run_steps(array $about, array $calls, callable $block, callable $failure, string $databaseError): void
{
    $run = function (object $step) use (&$run, $calls, $block, $failure, $databaseError): void {
        if (isset($step->steps)) {
            try {
                $block(fn () => array_map($run, $step->steps));
            } catch (Throwable $error) {
                if (!$error instanceof $databaseError) {
                    throw $error;
                } // said below; the block is rolled back: on with what is behind it
            }
        } elseif (isset($calls[$step->do])) {
            try {
                say(['step' => $step->name, 'answer' => $calls[$step->do]($step->send ?? null)]);
            } catch (Throwable $error) {
                if ($error instanceof $databaseError) {
                    say(['step' => $step->name, 'error' => $failure($error)]);
                    throw $error;
                }
                say(['step' => $step->name, 'refused' => get_class($error) . ': ' . $error->getMessage()]);
            }
        }
    };
    say($about);
    global $argv;
    // Objects stay objects: an empty array of PHP is [] in JSON, which fields may be, but nothing else.
    foreach (json_decode(file_get_contents($argv[1]), false, 512, JSON_THROW_ON_ERROR)->steps as $step) {
        try {
            $run($step);
        } catch (Throwable $error) {
            if (!$error instanceof $databaseError) {
                throw $error;
            } // said above
        }
    }
}
