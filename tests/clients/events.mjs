// Follows one subscription over server-sent events until it is complete:
//   node events.mjs ADDRESS AUTHORIZATION DOCUMENT
// Prints each answer, and at last how the stream ended, as one line of JSON.
import { createClient } from "graphql-sse";

const [url, authorization, query] = process.argv.slice(2);
const client = createClient({ url, headers: { authorization }, retryAttempts: 0 });

try {
  for await (const answer of client.iterate({ query })) console.log(JSON.stringify(answer));
  console.log(JSON.stringify("complete"));
} catch (error) {
  console.log(JSON.stringify({ failed: error.message }));
}
client.dispose();
