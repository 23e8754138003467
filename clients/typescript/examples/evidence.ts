// What was delivered, as an archive that an auditor can check without anybody's help.

import { held, type ImpactInClient } from "impact-in-client";

export async function run(client: ImpactInClient, companyId: string) {
  const archive = held(
    await client.GET("/v1/impact-in/companies/{companyId}/evidence", {
      params: { path: { companyId }, query: { from: "2026-01-01", to: "2026-03-31" } },
      parseAs: "arrayBuffer",
    }),
  );
  const start = new Uint8Array(archive as ArrayBuffer).slice(0, 2);
  return { readable: String.fromCharCode(...start) === "PK", files: archive.byteLength > 1000 };
}
