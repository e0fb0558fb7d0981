// A service in JavaScript: StarlingMonkey gives it the web's `fetch` event.

addEventListener("fetch", (event) => event.respondWith(respond(event.request)));

async function respond(request) {
  const route = `${request.method} ${new URL(request.url).pathname}`;
  switch (route) {
    case "GET /":
      return text("hello from JavaScript\n");
    case "GET /now":
      return text(`${new Date().toISOString()}\n`);
    case "POST /echo": {
      const type = request.headers.get("content-type") ?? "application/octet-stream";
      return new Response(await request.arrayBuffer(), { headers: { "content-type": type } });
    }
    case "POST /order":
      return order(await request.text());
    default:
      return text(`there is nothing at ${route}\n`, 404);
  }
}

// Adds up an order: what it costs in all, and its dearest line.
function order(body) {
  let lines;
  try {
    lines = JSON.parse(body).lines;
  } catch {
    return text("the order is not JSON\n", 400);
  }
  if (!Array.isArray(lines) || lines.length === 0) {
    return text("the order has no lines\n", 400);
  }
  const priced = lines.map(({ name, price, count }) => ({ name, cost: price * count }));
  const total = priced.reduce((sum, { cost }) => sum + cost, 0);
  const dearest = priced.reduce((a, b) => (b.cost > a.cost ? b : a)).name;
  return json({ total, lines: lines.length, dearest, at: Date.now() });
}

function text(body, status = 200) {
  return new Response(body, { status, headers: { "content-type": "text/plain" } });
}

function json(value) {
  return new Response(JSON.stringify(value), {
    headers: { "content-type": "application/json" },
  });
}
