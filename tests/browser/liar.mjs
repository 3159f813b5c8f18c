// A server of the AT protocol that misbehaves on demand: texts with [doubt] are taken or not, nobody
// knows, and texts with [stuck] cannot be deleted, until it is calm. Not a PDS: the end-to-end tests
// have a real one; here only what the console shows of it counts.

import { createServer } from "node:http";

/** Starts it; `calm("[doubt]")` makes it honest about such texts from then on. */
export async function startLiar() {
  const records = new Map();
  const calmed = new Set();
  const lies = (word, text) => !calmed.has(word) && text.includes(word);
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://liar");
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = text ? JSON.parse(text) : {};
    const say = (status, json) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(json));
    };
    const did = "did:plc:liar";
    const uri = (rkey) => ({ uri: `at://${did}/app.bsky.feed.post/${rkey}`, cid: "bafyreiliar" });
    switch (pathname.split("/").pop()) {
      case "com.atproto.server.createSession":
      case "com.atproto.server.refreshSession":
        return say(200, { did, handle: "alice.test", accessJwt: "access", refreshJwt: "refresh" });
      case "com.atproto.repo.putRecord":
        if (lies("[doubt]", body.record.text)) return request.socket.destroy();
        records.set(body.rkey, body.record);
        return say(200, uri(body.rkey));
      case "com.atproto.repo.getRecord": {
        if (!calmed.has("[doubt]")) return say(503, { error: "Busy", message: "cannot tell now" });
        const record = records.get(searchParams.get("rkey"));
        return record
          ? say(200, { ...uri(searchParams.get("rkey")), value: record })
          : say(400, { error: "RecordNotFound", message: "no such record" });
      }
      case "com.atproto.repo.deleteRecord":
        if (lies("[stuck]", records.get(body.rkey)?.text ?? "")) {
          return say(503, { error: "Busy", message: "try again later" });
        }
        records.delete(body.rkey);
        return say(200, {});
      default:
        return say(404, { error: "MethodNotImplemented", message: pathname });
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    calm: (word) => { calmed.add(word); },
    stop: () => { server.closeAllConnections(); server.close(); },
  };
}
