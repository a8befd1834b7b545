// Runs the audit of GraphQL over HTTP against a server:
//   node audit.mjs ADDRESS AUTHORIZATION
// Prints each result as one line of JSON.
import { auditServer } from "graphql-http";

const [url, authorization] = process.argv.slice(2);
const fetchFn = (address, options = {}) =>
  fetch(address, { ...options, headers: { ...options.headers, authorization } });

for (const result of await auditServer({ url, fetchFn })) {
  const { id, name, status, reason } = result;
  console.log(JSON.stringify({ id, name, status, reason }));
  // An answer that was not read keeps its connection, and so this program, alive.
  if (result.response) await result.response.body?.cancel().catch(() => {});
}
