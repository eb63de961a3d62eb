<?php
// A till: php till.php VIEW URL TOKEN SPACE NAME
//
// It reads view.sqlite directly, on the PC of the node, and writes over HTTP.

[, $view, $url, $token, $space, $name] = $argv;

function ask(string $url, string $token, string $path, array $body): array
{
    // The node's own certificate: nobody vouches for it, it is known by the fingerprint behind the point.
    $fingerprint = explode('.', $token, 2)[1] ?? '';
    $known = ['verify_peer' => false, 'verify_peer_name' => false, 'peer_fingerprint' => ['sha256' => $fingerprint]];
    $http = [
        'method' => 'POST',
        'protocol_version' => 1.1,
        'header' => [
            "Authorization: Bearer $token",
            'Content-Type: application/json',
            'Accept-Language: fr',
            'Connection: close',
        ],
        'content' => json_encode($body, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION),
        'ignore_errors' => true,
        'timeout' => 60,
    ];
    $context = stream_context_create(['http' => $http, 'ssl' => $fingerprint === '' ? [] : $known]);
    $answer = file_get_contents($url . $path, false, $context);
    if ($answer === false) {
        exit("the node cannot be reached\n");
    }
    return json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
}

function stock(string $view): void
{
    // Read-only; each query sees a whole state, while the node goes on writing.
    $database = new SQLite3($view, SQLITE3_OPEN_READONLY);
    $database->busyTimeout(5000);
    $rows = $database->query('SELECT name, stock FROM articles ORDER BY code');
    while ($row = $rows->fetchArray(SQLITE3_ASSOC)) {
        echo "{$row['name']}: {$row['stock']}\n";
    }
    $database->close();
}

function sale(string $key, string $article, int $quantity): array
{
    $sale = json_decode(file_get_contents(__DIR__ . '/sale.json'), true, 512, JSON_THROW_ON_ERROR);
    $lines = json_encode([['article' => $article, 'quantity' => $quantity, 'price' => 2.5]], JSON_THROW_ON_ERROR);
    $values = [['mode' => 'CASH'], ['lines' => $lines], ['lines' => $lines]];
    $statement = fn (string $sql, array $params) => ['sql' => $sql, 'params' => $params];
    return ['statements' => array_map($statement, $sale, $values), 'key' => $key, 'message' => $key];
}

stock($view);
$batch = [
    sale("$name 1", 'TEA', 2),
    sale("$name 2", 'TEA', 1000), // more than there is
    sale("$name 3", 'JAM', 1),
    sale("$name 1", 'TEA', 2), // sent again, as after a cut
];
$answer = ask($url, $token, '/v1/spaces/' . rawurlencode($space) . '/batch', $batch);
if (!isset($answer['results'])) {
    exit($answer['detail'] . "\n");
}
foreach ($answer['results'] as $result) {
    if ($result['status'] === 'refused') {
        echo "refused: {$result['error']['code']}\n";
    } else {
        echo "{$result['status']}: {$result['results'][0]['rows'][0][1]}\n";
    }
}
stock($view);
