// A till: Till.exe VIEW URL TOKEN SPACE NAME
//
// It reads view.sqlite directly, on the PC of the node, and writes over HTTP. Written for any .NET; with
// Microsoft.Data.Sqlite in place of Mono's, its classes are called SqliteConnection and so on as well, and
// the connection is "Data Source=VIEW;Mode=ReadOnly".
//
//   mcs -r:System.Net.Http,System.Data,Mono.Data.Sqlite,System.Web.Extensions Till.cs && mono Till.exe …

using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Web.Script.Serialization;
using Mono.Data.Sqlite;

static class Till
{
    static readonly JavaScriptSerializer Json = new JavaScriptSerializer { MaxJsonLength = int.MaxValue };
    static object[] saleSql;

    static string Ask(string url, string token, string path, object body)
    {
        // The node's own certificate: nobody vouches for it, it is known by the fingerprint behind the point.
        string fingerprint = token.Contains(".") ? token.Split('.')[1] : "";
        var handler = new HttpClientHandler();
        if (fingerprint != "")
        {
            handler.ServerCertificateCustomValidationCallback = (request, certificate, chain, errors) =>
            {
                using (var sha = SHA256.Create())
                {
                    byte[] shown = sha.ComputeHash(certificate.RawData);
                    return BitConverter.ToString(shown).Replace("-", "").ToLowerInvariant() == fingerprint;
                }
            };
        }
        using (var client = new HttpClient(handler))
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
            client.DefaultRequestHeaders.AcceptLanguage.ParseAdd("fr");
            var content = new StringContent(Json.Serialize(body), Encoding.UTF8, "application/json");
            return client.PostAsync(url + path, content).Result.Content.ReadAsStringAsync().Result;
        }
    }

    static void Stock(string view)
    {
        // Read-only; each query sees a whole state, while the node goes on writing.
        using (var database = new SqliteConnection("Data Source=" + view + ";Read Only=True;Journal Mode=Wal"))
        {
            database.Open();
            using (var command = database.CreateCommand())
            {
                command.CommandText = "SELECT name, stock FROM articles ORDER BY code";
                using (var rows = command.ExecuteReader())
                {
                    while (rows.Read())
                    {
                        Console.WriteLine(rows.GetString(0) + ": " + rows.GetInt64(1));
                    }
                }
            }
        }
    }

    static object Sale(string key, string article, int quantity)
    {
        string lines = Json.Serialize(new[] { new { article, quantity, price = 2.5 } });
        object[] values = { new { mode = "CASH" }, new { lines }, new { lines } };
        var statements = saleSql.Select((sql, at) => new Dictionary<string, object>
        {
            { "sql", sql },
            { "params", values[at] },
        });
        return new { statements = statements.ToArray(), key, message = key };
    }

    static void Main(string[] args)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        string view = args[0], url = args[1], token = args[2], space = args[3], name = args[4];
        string beside = Path.GetDirectoryName(typeof(Till).Assembly.Location);
        saleSql = Json.Deserialize<object[]>(File.ReadAllText(Path.Combine(beside, "sale.json")));
        Stock(view);
        object[] batch =
        {
            Sale(name + " 1", "TEA", 2),
            Sale(name + " 2", "TEA", 1000), // more than there is
            Sale(name + " 3", "JAM", 1),
            Sale(name + " 1", "TEA", 2), // sent again, as after a cut
        };
        string text = Ask(url, token, "/v1/spaces/" + Uri.EscapeDataString(space) + "/batch", batch);
        var answer = Json.Deserialize<Dictionary<string, object>>(text);
        if (!answer.ContainsKey("results"))
        {
            Console.Error.WriteLine(answer["detail"]);
            Environment.Exit(1);
        }
        foreach (Dictionary<string, object> result in (IEnumerable)answer["results"])
        {
            string status = (string)result["status"];
            if (status == "refused")
            {
                Console.WriteLine("refused: " + ((Dictionary<string, object>)result["error"])["code"]);
                continue;
            }
            var first = (Dictionary<string, object>)((ArrayList)result["results"])[0];
            Console.WriteLine(status + ": " + ((ArrayList)((ArrayList)first["rows"])[0])[1]);
        }
        Stock(view);
    }
}
