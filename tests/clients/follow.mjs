// Follows breaches and goes on where it was after a lost connection:
//   node follow.mjs ADDRESS KEY [CURSOR]
// Prints each event as one line of JSON. Keep the cursor of the last one that you have dealt with.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [address, key, cursor] = process.argv.slice(2);

const query = `
  subscription ($after: String) {
    breachEvents(after: $after) {
      __typename
      cursor
      ... on BreachEvent {
        transition severity agreementCode objectiveCode serviceCode value target recordedAt
        period { start end }
      }
    }
  }`;

// The client sends this object anew with every connection, so it resumes from the cursor that it holds by then.
const variables = { after: cursor };

const client = createClient({
  url: `${address.replace(/^http/, "ws")}/graphql`,
  webSocketImpl: WebSocket, // a browser has its own: leave this out there
  connectionParams: { authorization: `Bearer ${key}` },
  retryAttempts: Infinity,
  // Whatever cut the connection, try again; but a key that no longer holds (4403) will not do so the next time either.
  shouldRetry: (problem) => problem.code !== 4403,
});

client.on("connected", (_socket, _payload, wasRetry) => console.error(wasRetry ? "connected again" : "connected"));

client.subscribe(
  { query, variables },
  {
    next({ data, errors }) {
      if (errors) throw new Error(JSON.stringify(errors));
      const item = data.breachEvents;
      if (item.__typename === "BreachEvent") console.log(JSON.stringify(item));
      variables.after = item.cursor; // of a heartbeat too: it moves on past what is not yours
    },
    error(problem) {
      // A list of GraphQL errors (CURSOR_INVALID, CURSOR_EXPIRED), or the event that closed the socket for good.
      console.error(JSON.stringify(Array.isArray(problem) ? problem : { code: problem.code, reason: problem.reason }));
      process.exit(1);
    },
    complete() {},
  },
);
