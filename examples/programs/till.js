// A till: node till.js VIEW URL TOKEN SPACE NAME
//
// It reads view.sqlite directly, on the PC of the node, and writes over HTTP. The module node:sqlite
// comes with Node 22.5 and later; an older one asks the node for the rows.

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const tls = require("node:tls");

const [view, url, token, space, name] = process.argv.slice(2);
const sale_sql = JSON.parse(fs.readFileSync(path.join(__dirname, "sale.json"), "utf8"));

// A connection to the node, which is known by the fingerprint behind the point of the token.
function connect(address) {
  const fingerprint = token.split(".")[1];
  return new Promise((resolve, reject) => {
    const socket = tls.connect(
      { host: address.hostname, port: address.port, rejectUnauthorized: !fingerprint },
      () => {
        const shown = socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase();
        if (fingerprint && shown !== fingerprint) {
          socket.destroy();
          reject(new Error("this is not the node that the token is from"));
        } else {
          resolve(socket);
        }
      },
    );
    socket.on("error", reject);
  });
}

async function ask(route, body) {
  const address = new URL(url);
  const options = {
    host: address.hostname,
    port: address.port,
    method: "POST",
    path: `/v1/spaces/${encodeURIComponent(space)}/${route}`,
    headers: {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      "Accept-Language": "fr",
      Connection: "close",
    },
  };
  if (address.protocol === "https:") {
    const socket = await connect(address);
    options.createConnection = () => socket;
  }
  return new Promise((resolve, reject) => {
    const request = http.request(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece) => (text += piece));
      answer.on("end", () => resolve(JSON.parse(text)));
    });
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}

async function stock() {
  const sql = "SELECT name, stock FROM articles ORDER BY code";
  let rows;
  try {
    const { DatabaseSync } = require("node:sqlite");
    // Read-only; each query sees a whole state, while the node goes on writing.
    const database = new DatabaseSync(view, { readOnly: true });
    rows = database.prepare(sql).all().map((row) => [row.name, row.stock]);
    database.close();
  } catch (error) {
    if (error.code !== "ERR_UNKNOWN_BUILTIN_MODULE") throw error;
    rows = (await ask("queries", { sql })).rows;
  }
  rows.forEach(([article, left]) => console.log(`${article}: ${left}`));
}

function sale(key, article, quantity) {
  const lines = JSON.stringify([{ article, quantity, price: 2.5 }]);
  const values = [{ mode: "CASH" }, { lines }, { lines }];
  const statements = sale_sql.map((sql, at) => ({ sql, params: values[at] }));
  return { statements, key, message: key };
}

async function main() {
  await stock();
  const answer = await ask("batch", [
    sale(`${name} 1`, "TEA", 2),
    sale(`${name} 2`, "TEA", 1000), // more than there is
    sale(`${name} 3`, "JAM", 1),
    sale(`${name} 1`, "TEA", 2), // sent again, as after a cut
  ]);
  if (!answer.results) throw new Error(answer.detail);
  for (const result of answer.results) {
    const told = result.status === "refused" ? result.error.code : result.results[0].rows[0][1];
    console.log(`${result.status}: ${told}`);
  }
  await stock();
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
