// PostGraphile over the public schema of a database, as its documentation says for production: no watch, no GraphiQL, no
// query log. Says `Serving <address>` when it listens.
import { createServer } from "node:http";
import pg from "pg";
import postgraphileModule from "postgraphile";

const { postgraphile } = postgraphileModule;
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10, options: "-c jit=off" });
const handle = postgraphile(pool, "public", {
  watchPg: false,
  graphiql: false,
  disableQueryLog: true,
  retryOnInitFail: false,
  dynamicJson: true,
  setofFunctionsContainNulls: false,
  legacyRelations: "omit",
});
const server = createServer(handle);
server.listen(0, "127.0.0.1", () => {
  console.log(`Serving http://127.0.0.1:${server.address().port}/graphql`);
});
