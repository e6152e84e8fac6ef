// A channel team's day through jsforce, unchanged. Prints one JSON object: what each part answered.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { modules, url, username, password, clientId, clientSecret } = JSON.parse(process.argv[2]);
const jsforce = await import(
  pathToFileURL(createRequire(modules + "/").resolve("jsforce")).href
);
const { Connection } = jsforce.default;

const told = {};
const refusal = async (work) => {
  try {
    await work();
    return "no refusal";
  } catch (error) {
    return error.errorCode ?? error.name;
  }
};

// SOAP login ends with API version 64: later ones answer "no operation".
const conn = new Connection({ loginUrl: url, version: "64.0" });
const user = await conn.login(username, password);
told.soapLogin = user.organizationId;

const byOAuth = new Connection({ oauth2: { clientId, clientSecret, loginUrl: url } });
told.oauthLogin = (await byOAuth.authorize({ grant_type: "client_credentials" })).organizationId;

told.identity = (await conn.identity()).username;
told.limits = (await conn.limits()).DailyApiRequests.Max;
told.global = (await conn.describeGlobal()).sobjects.map((it) => it.name);
told.leadFields = (await conn.sobject("Lead").describe()).fields.map((it) => it.name);

const many = await conn
  .sobject("Lead")
  .create(
    Array.from({ length: 450 }, (_, at) => ({
      LastName: `Ferro ${at}`,
      Company: "Kobalt Clients Ltd",
      Email: `lead.${at}@example.com`,
    })),
    { allowRecursive: true },
  );
told.created = many.filter((it) => it.success).length;

told.queried = (
  await conn.query("SELECT Id, Owner.Name FROM Lead WHERE Company = 'Kobalt Clients Ltd' ORDER BY Id", {
    autoFetch: true,
    maxFetch: 10_000,
  })
).records.length;
const pages = await conn.request({
  method: "GET",
  url: "/query?q=" + encodeURIComponent("SELECT Id FROM Lead WHERE Company = 'Kobalt Clients Ltd'"),
  headers: { "Sforce-Query-Options": "batchSize=200" },
});
told.firstPage = pages.records.length;
told.secondPage = (await conn.queryMore(pages.nextRecordsUrl)).records.length;

told.found = (
  await conn
    .sobject("Lead")
    .find({ Company: "Kobalt Clients Ltd", Email: { $like: "lead.44%" } }, "Id, Email")
    .sort({ Id: 1 })
    .limit(3)
).map((it) => it.Email);

const account = await conn.sobject("Account").create({ Name: "Vidro Azul, Lda." });
await conn.sobject("Contact").create({ LastName: "Prata", AccountId: account.id });
const nested = await conn.query(
  `SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE Id = '${account.id}'`,
);
told.nested = nested.records[0].Contacts.records[0].LastName;

const ids = many.slice(0, 300).map((it) => it.id);
const changed = await conn
  .sobject("Lead")
  .update(ids.map((Id) => ({ Id, Rating: "Hot" })), { allowRecursive: true });
told.changed = changed.filter((it) => it.success).length;
told.retrieved = (await conn.sobject("Lead").retrieve(ids.slice(0, 5))).map((it) => it.Rating);

const job = conn.bulk2.loadAndWaitForResults({
  object: "Lead",
  operation: "insert",
  input: Array.from({ length: 1500 }, (_, at) => ({ LastName: `Bulk "${at}"`, Company: "Mole, S.A." })),
  pollInterval: 50,
  pollTimeout: 30_000,
});
const loaded = await job;
told.bulk = loaded.successfulResults.length;
const stream = await conn.bulk2.query("SELECT Id, LastName FROM Lead WHERE Company = 'Mole, S.A.'");
told.bulkQuery = (await stream.toArray()).length;

const gone = await conn.sobject("Lead").destroy(ids.slice(0, 200));
told.deleted = gone.filter((it) => it.success).length;

told.composite = (
  await conn.requestPost("/composite", {
    allOrNone: true,
    compositeRequest: [
      {
        method: "POST",
        url: `/services/data/v64.0/sobjects/Account`,
        referenceId: "partner",
        body: { Name: "Pumpen Nord GmbH" },
      },
      {
        method: "POST",
        url: `/services/data/v64.0/sobjects/Contact`,
        referenceId: "person",
        body: { LastName: "Moser", AccountId: "@{partner.id}" },
      },
    ],
  })
).compositeResponse.map((it) => it.httpStatusCode);

told.tooling = (await conn.tooling.query("SELECT Id FROM ValidationRule LIMIT 1")).done;
told.metadata = (await conn.metadata.list([{ type: "Queue" }])).length >= 0;

told.refusals = {
  noField: await refusal(() => conn.query("SELECT Nonsense FROM Lead")),
  malformed: await refusal(() => conn.query("SELECT FROM Lead")),
  missing: await refusal(() => conn.sobject("Lead").create({ LastName: "x" })),
  notFound: await refusal(() => conn.sobject("Lead").retrieve("00Q000000000001AAA")),
};
const token = conn.accessToken;
await conn.logout();
told.afterLogout = await refusal(() =>
  new Connection({
    instanceUrl: url,
    accessToken: token,
  }).query("SELECT Id FROM Lead LIMIT 1"),
);
console.log(JSON.stringify(told));
