// All examples, one after the other: node build/all.js https://HOST TOKEN COMPANY_ID

import { argv } from "node:process";
import { impactInClient } from "impact-in-client";
import * as connections from "./connections.js";
import * as deliveries from "./deliveries.js";
import * as evidence from "./evidence.js";
import * as notices from "./notices.js";
import * as schedules from "./schedules.js";
import * as uploads from "./uploads.js";

const [baseUrl, token, companyId] = argv.slice(2) as [string, string, string];
const client = impactInClient({ baseUrl, token });
const areas = { connections, deliveries, evidence, notices, schedules, uploads };
const found: Record<string, unknown> = {};
for (const [area, { run }] of Object.entries(areas)) found[area] = await run(client, companyId);
console.log(JSON.stringify(found));
