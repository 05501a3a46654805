// nodemailer, with its pool or with a new connection for each mail: the second argument is `pool`
// or `new`. It takes its job and its orders as job.py describes.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createTransport } from "nodemailer";

const job = JSON.parse(process.argv[2]);
const transport = createTransport({
  host: job.host,
  port: job.port,
  secure: false,
  ignoreTLS: !job.authority,
  requireTLS: Boolean(job.authority),
  ...(job.authority ? { tls: { ca: readFileSync(job.authority) } } : {}),
  ...(job.user ? { auth: { user: job.user, pass: job.password } } : {}),
  ...(process.argv[3] === "pool"
    ? { pool: true, maxConnections: job.connections, maxMessages: 1000 }
    : {}),
});

let codes = 100_000;

function send() {
  const code = String(codes++);
  return transport.sendMail({
    from: "Example <no-reply@example.com>",
    to: "ada@example.org",
    subject: `Your code is ${code}`,
    [job.html ? "html" : "text"]: job.content.replaceAll("{{code}}", code),
  });
}

async function carryOut(order) {
  const each = [];
  let left = order.mails;
  const cpu = process.cpuUsage();
  const began = performance.now();
  async function sendInTurn() {
    while (left-- > 0) {
      const start = performance.now();
      await send();
      if (order.each) each.push((performance.now() - start) / 1000);
    }
  }
  await Promise.all(Array.from({ length: order.at_once }, sendInTurn));
  const seconds = (performance.now() - began) / 1000;
  const used = process.cpuUsage(cpu);
  return {
    mails: order.mails,
    seconds,
    cpu: (used.user + used.system) / 1e6,
    each,
  };
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await carryOut(JSON.parse(line))));
}
transport.close();
