// A coordinator that only pretends: it serves the contract from a made-up world, for work on the page.
//
//   node tests/fake/server.mjs [--port N] [--count N] [--nodes N] [--slots N] [--rate EPOCHS/S] [--hostile] [--ended]
//                              [--busy] (no room for listeners) [--open TOKEN] (every request needs it)
//
// POST /fake/kill/NAME and /fake/revive/NAME play a worker's death and return; POST /fake/mute drops all listeners.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { World } from "./world.mjs";

const dist = join(dirname(fileURLToPath(import.meta.url)), "../../dist");
const FILES = { "/": ["index.html", "text/html"], "/app.js": ["app.js", "text/javascript"], "/style.css": ["style.css", "text/css"] };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TOKEN = "f".repeat(64);

const number = { type: "string" };
const flag = { type: "boolean", default: false };
const { values: options } = parseArgs({ options: { port: number, count: number, nodes: number, slots: number, rate: number, hostile: flag, ended: flag, busy: flag, open: number } });
const world = new World({ count: Number(options.count ?? 0), nodes: Number(options.nodes ?? 2), slots: Number(options.slots ?? 1), rate: Number(options.rate ?? 2), hostile: options.hostile, ended: options.ended });
const listeners = new Set();

function send(response, status, body, type = "application/json") {
  response.writeHead(status, { "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": POLICY });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

function refuse(response, status, message, remedy = "") {
  send(response, status, { error: { code: "fake", message, remedy } });
}

function say(response, event, data) {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function listen(request, response) {
  if (options.busy) return refuse(response, 503, "there are listeners enough", "ask now and then");
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write("retry: 2000\n\n");
  say(response, "run", world.run());
  say(response, "nodes", { nodes: world.nodes });
  listeners.add(response);
  request.on("close", () => listeners.delete(response));
}

const commands = {
  "run/stop": () => ((world.ending = "stopped by hand"), "the search is stopping"),
  "run/pause": () => ((world.paused = true), (world.reason = "somebody asked for it"), "paused"),
  "run/resume": () => ((world.paused = false), "going on"),
  "run/budget": (body) => ((world.max += body.evaluations ?? 0), `budget: ${world.max} evaluations`),
};

async function command(request, response, path) {
  let text = "";
  for await (const part of request) text += part;
  const drain = /^nodes\/(.+)\/drain$/.exec(path);
  if (drain) world.nodes.filter((node) => node.name === decodeURIComponent(drain[1])).forEach((node) => (node.state = "draining"));
  if (!drain && !commands[path]) return refuse(response, 404, `there is no ${path}`);
  const done = drain ? `${decodeURIComponent(drain[1])} is draining` : commands[path](JSON.parse(text || "{}"));
  send(response, 200, { done });
}

function play(response, path) {
  const [, what, name] = path.split("/").map(decodeURIComponent).slice(1);
  if (what === "kill") world.kill(name);
  if (what === "revive") world.revive(name);
  if (what === "mute") for (const listener of listeners) listener.destroy();
  send(response, 200, { done: what });
}

function individual(response, rest) {
  const [id, part] = rest.split("/");
  const found = world.individual(Number(id));
  if (!found) return refuse(response, 404, `there is no individual ${id}`);
  if (part === "drawing.svg") return send(response, 200, world.drawing(id), "image/svg+xml");
  if (part === "model.onnx") return refuse(response, 404, `the weights of ${id} were not kept`, "only the champions' are");
  send(response, 200, found);
}

const answers = {
  run: (_, response) => send(response, 200, world.run()),
  nodes: (_, response) => send(response, 200, { nodes: world.nodes }),
  points: (url, response) => send(response, 200, world.points(Number(url.searchParams.get("after") ?? 0))),
  individuals: (url, response) => send(response, 200, world.individuals(url.searchParams)),
};

function answer(request, response) {
  const url = new URL(request.url, "http://fake");
  if (FILES[url.pathname]) return send(response, 200, readFileSync(join(dist, FILES[url.pathname][0]), "utf8"), FILES[url.pathname][1]);
  if (url.pathname.startsWith("/fake/")) return play(response, url.pathname);
  const path = url.pathname.replace(/^\/api\/v1\//, "");
  const bearer = request.headers.authorization;
  if (options.open && bearer !== `Bearer ${options.open}`) return refuse(response, 401, "this needs the token", "it is in RUN/token");
  if (request.method === "POST" && bearer !== `Bearer ${options.open ?? TOKEN}`) return refuse(response, 401, "this needs the token", "it is in RUN/token");
  if (request.method === "POST") return command(request, response, path);
  if (path === "events") return listen(request, response);
  if (path.startsWith("individuals/")) return individual(response, path.slice("individuals/".length));
  if (answers[path]) return answers[path](url, response);
  refuse(response, 404, `there is no ${url.pathname}`);
}

let beat = 0;
setInterval(() => {
  const before = world.rows.length;
  world.tick();
  beat += 1;
  for (const listener of listeners) {
    if (world.rows.length > before) say(listener, "points", world.points(before));
    if (beat % 4 === 0) say(listener, "run", world.run());
    if (beat % 8 === 0) say(listener, "nodes", { nodes: world.nodes });
  }
}, 250);

const server = createServer((request, response) => void answer(request, response));
server.listen(Number(options.port ?? 0), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/#token=${options.open ?? TOKEN}`));
