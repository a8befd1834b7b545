// A graphql-ws server: what is posted to /publish goes to everybody who follows `breachEvents`.
import { once } from "node:events";
import { createServer } from "node:http";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

const schema = buildSchema(`
  type Query { hello: String }
  interface BreachFeedItem { cursor: String! }
  type BreachEvent implements BreachFeedItem {
    cursor: String! transition: String! severity: String! serviceCode: String! agreementCode: String!
    objectiveCode: String! value: String target: String! recordedAt: String!
  }
  type Heartbeat implements BreachFeedItem { cursor: String! at: String! }
  type Subscription { breachEvents: BreachFeedItem! }
`);

const followers = new Set();

// One queue for each follower, as a pub/sub in the same process has it.
async function* follow() {
  const queue = [];
  let wake = () => {};
  const follower = (item) => {
    queue.push(item);
    wake();
  };
  followers.add(follower);
  try {
    yield { breachEvents: { __typename: "Heartbeat", cursor: "", at: new Date().toISOString() } };
    while (true) {
      while (queue.length) yield { breachEvents: queue.shift() };
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    followers.delete(follower);
  }
}

const server = createServer(async (request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  await once(request, "end");
  const item = JSON.parse(body).variables.item;
  for (const follower of followers) follower(item);
  const answer = '{"data":{}}';
  response.writeHead(200, { "content-type": "application/json", "content-length": answer.length }).end(answer);
});
const sockets = new WebSocketServer({ server, path: "/graphql" });
useServer({ schema, roots: { subscription: { breachEvents: follow } } }, sockets);
server.listen(0, "127.0.0.1", () => {
  console.log(`Serving http://127.0.0.1:${server.address().port}/graphql`);
});
